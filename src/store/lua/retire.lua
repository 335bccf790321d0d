--[[
Removes what is left of deployments that ended long ago, the longest ended first. Only what ended is in the set that is
looked at, and nothing is removed of a deployment whose header does not say that it is final.

KEYS[1]  ended
ARGV     the prefix of all keys, who must lead, the time before which they ended, how many at most, "yes" if logs may be
         left (they expire by themselves, mostly before)

Returns  how many were removed; -1 = somebody else leads
]]
local call = redis.call
local prefix, leader, before, most, with_logs = unpack(ARGV)

if call('HGET', prefix .. 'leader', 'token') ~= leader then
    return -1
end

local function remove_logs(id, runs)
    for i = 1, #runs, 2 do
        local attempts = tonumber(string.match(runs[i + 1], '^%S+ (%d+)')) or 0
        for attempt = 1, attempts do
            local log = prefix .. 'log:' .. id .. ':' .. runs[i] .. '.' .. attempt
            call('UNLINK', log, log .. ':at')
        end
    end
end

local function remove(id)
    local key = prefix .. 'dep:' .. id
    local final, plan = unpack(call('HMGET', key, 'final', 'plan'))
    if not final then
        return 0
    end
    if with_logs == 'yes' then
        remove_logs(id, call('HGETALL', key .. ':runs'))
    end
    for _, question in ipairs(call('LRANGE', key .. ':questions', 0, -1)) do
        call('UNLINK', prefix .. 'q:' .. question)
        call('ZREM', prefix .. 'pending', question)
    end
    if call('HINCRBY', prefix .. 'plan:' .. plan, 'users', -1) <= 0 then
        call('UNLINK', prefix .. 'plan:' .. plan)
    end
    call('UNLINK', key, key .. ':runs', key .. ':claims', key .. ':questions', key .. ':views', prefix .. 'audit:' .. id)
    call('ZREM', prefix .. 'deployments', id)
    return 1
end

local removed = 0
for _, id in ipairs(call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. before, 'LIMIT', 0, most)) do
    removed = removed + remove(id)
    call('ZREM', KEYS[1], id)
end
return removed
