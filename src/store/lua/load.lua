--[[
Everything about one deployment as it is at one moment; an empty list if it is not there.

KEYS[1]  its header, or a question of it
ARGV[1]  the prefix of all keys
ARGV[2]  "question" or "deployment": what the key is of

Returns  header, plan, runs, questions: as HGETALL gives them, the plan as text; and of each open question what people
         answered to the same error before: "<retry> <worked> <ignore> <exclude> <fail>"
]]
local call = redis.call
local key, prefix = KEYS[1], ARGV[1]

if ARGV[2] == 'question' then
    local id = call('HGET', key, 'deployment')
    if not id then
        return {}
    end
    key = prefix .. 'dep:' .. id
end

local plan = call('HGET', key, 'plan')
if not plan then
    return {}
end

local function fields(list)
    local found = {}
    for i = 1, #list, 2 do
        found[list[i]] = list[i + 1]
    end
    return found
end

local project = call('HGET', key, 'project') or ''
local questions, past = {}, {}
for i, id in ipairs(call('LRANGE', key .. ':questions', 0, -1)) do
    questions[i] = call('HGETALL', prefix .. 'q:' .. id)
    past[i] = ''
    local question = fields(questions[i])
    if question.state == 'open' and question.past then
        local counts = call('HMGET', prefix .. 'past:' .. project .. ':' .. question.past, 'retry', 'worked', 'ignore',
            'exclude', 'fail')
        for n = 1, 5 do
            counts[n] = counts[n] or '0'
        end
        past[i] = table.concat(counts, ' ')
    end
end
return {
    call('HGETALL', key), call('HGET', prefix .. 'plan:' .. plan, 'text'), call('HGETALL', key .. ':runs'), questions,
    past,
}
