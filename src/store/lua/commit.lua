--[[
The one script by which guidepost writes. It decides nothing about deployments: it compares, writes and remembers.

KEYS[1]  the counter of commits
KEYS[2]  what holds all commits up: it is there if Redis has lost some
ARGV     key that remembers the result, seconds to remember it, nonce of the sender, note to be told again,
         number of preconditions, then for each: key, field ("" = a plain value), expected value ("" = none),
         then for each write: number of words, words

Returns  done, seq, note      written now, or by this sender before
         again, seq, note     written before by another call with the same event id
         refused, n, found    the n-th precondition (from 0) did not hold; nothing was written, nothing is remembered
         held, 0, ''          the same, until a person has confirmed that commits were lost
]]
local call, argv = redis.call, ARGV

local held, was = unpack(call('MGET', KEYS[2], argv[1]))
if held then
    return {'held', 0, ''}
end
if was then
    local seq, nonce, note = string.match(was, '^(%d+) (%S+) (.*)$')
    if nonce == argv[3] then
        return {'done', seq, note}
    end
    return {'again', seq, note}
end

local count = tonumber(argv[5])
local at = 6
for n = 0, count - 1 do
    local key, field = argv[at], argv[at + 1]
    local found = (field == '' and call('GET', key) or field ~= '' and call('HGET', key, field)) or ''
    if found ~= argv[at + 2] then
        return {'refused', n, found}
    end
    at = at + 3
end

local last = #argv
while at <= last do
    local words = tonumber(argv[at])
    call(unpack(argv, at + 1, at + words))
    at = at + words + 1
end

local seq = call('INCR', KEYS[1])
call('SET', argv[1], string.format('%d %s %s', seq, argv[3], argv[4]), 'EX', argv[2])
return {'done', seq, argv[4]}
