--[[
A person has seen that Redis lost commits. The count goes on far enough ahead to be news to every process, and so do the
numbers of deployments and questions: those that were lost are known to people and to run directories, and must never
mean something else. The leader hears of it for each deployment that is live.

KEYS[1]  the counter of commits
KEYS[2]  what holds all commits up
KEYS[3]  the last numbers given
KEYS[4]  live deployments
KEYS[5]  the inbox
ARGV     the highest count that the caller has seen, how far ahead the count and the numbers go, now, who confirms, and
         from where

Returns  how many commits were lost; 0 = none, nothing was written
]]
local call = redis.call
local highest, count_ahead, numbers_ahead, now, actor, via = unpack(ARGV)

local seq = tonumber(call('GET', KEYS[1]) or 0)
highest = math.max(tonumber(highest), tonumber(call('GET', KEYS[2]) or 0))
if seq >= highest then
    call('DEL', KEYS[2])
    return 0
end

local lost = highest - seq
local live = call('ZRANGE', KEYS[4], 0, -1) -- before the first write: an error would leave a part of them written
call('SET', KEYS[1], string.format('%.0f', highest + count_ahead))
for _, number in ipairs({'deployment', 'question'}) do
    call('HINCRBY', KEYS[3], number, string.format('%.0f', lost + numbers_ahead))
end
for _, id in ipairs(live) do
    call('XADD', KEYS[5], '*', 'event', 'rolled_back', 'deployment', id, 'at', now, 'run', '0.0.0.0',
        'actor', actor, 'via', via, 'note', string.format('Redis lost %.0f commits', lost))
end
call('DEL', KEYS[2])
return lost
