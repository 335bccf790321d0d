--[[
Somebody has seen a higher count of commits than Redis has now: until a person has confirmed that, nothing is committed.

KEYS[1]  the counter of commits
KEYS[2]  what holds all commits up: the highest count that anybody has seen
ARGV[1]  the count that was seen
]]
local call = redis.call
local seen = tonumber(ARGV[1])

if tonumber(call('GET', KEYS[1]) or 0) < seen and tonumber(call('GET', KEYS[2]) or 0) < seen then
    call('SET', KEYS[2], ARGV[1])
end
return 0
