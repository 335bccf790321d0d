--[[
Everything about one deployment as it is at one moment; an empty list if it is not there.

KEYS[1]  its header
ARGV[1]  the prefix of all keys

Returns  header, plan, runs, questions: as HGETALL gives them, the plan as text
]]
local call = redis.call
local key, prefix = KEYS[1], ARGV[1]

local plan = call('HGET', key, 'plan')
if not plan then
    return {}
end

local questions = {}
for i, id in ipairs(call('LRANGE', key .. ':questions', 0, -1)) do
    questions[i] = call('HGETALL', prefix .. 'q:' .. id)
end
return {call('HGETALL', key), call('HGET', prefix .. 'plan:' .. plan, 'text'), call('HGETALL', key .. ':runs'), questions}
