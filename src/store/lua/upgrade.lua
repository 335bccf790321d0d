--[[
Converts what an earlier version wrote, at each connect: it may also come back with a backup. What is converted stays as it is.

KEYS[1]  live deployments: a set before, a sorted set by number now
KEYS[2]  open questions: by the time they were asked before, by number now
]]
local call = redis.call
local SMALLEST_TIME = 100000000000 -- a time in milliseconds, greater than any number

if call('TYPE', KEYS[1]).ok == 'set' then
    local ids = call('SMEMBERS', KEYS[1])
    call('DEL', KEYS[1])
    for _, id in ipairs(ids) do
        call('ZADD', KEYS[1], id, id)
    end
end
for _, id in ipairs(call('ZRANGEBYSCORE', KEYS[2], SMALLEST_TIME, '+inf')) do
    call('ZADD', KEYS[2], id, id)
end
return 0
