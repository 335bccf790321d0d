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

-- Counts by error, of the newest answers in the project. What a Retry did stands before it.
local function past_answers()
    local counts, worked = {}, {}
    for _, entry in ipairs(call('LRANGE', prefix .. 'past:' .. (call('HGET', key, 'project') or ''), 0, -1)) do
        local question, word, error_key = string.match(entry, '^(%d+) (%a+) ?(%x*)$')
        if word == 'worked' then
            worked[question] = true
        elseif word then
            local of = counts[error_key] or {retry = 0, worked = 0, ignore = 0, exclude = 0, fail = 0}
            counts[error_key] = of
            of[word] = (of[word] or 0) + 1
            if word == 'retry' and worked[question] then
                of.worked = of.worked + 1
            end
        end
    end
    return counts
end

local questions, past, counts = {}, {}, nil
for i, id in ipairs(call('LRANGE', key .. ':questions', 0, -1)) do
    questions[i] = call('HGETALL', prefix .. 'q:' .. id)
    past[i] = ''
    local question = fields(questions[i])
    if question.state == 'open' and question.past then
        counts = counts or past_answers()
        local of = counts[question.past]
        if of then
            past[i] = string.format('%d %d %d %d %d', of.retry, of.worked, of.ignore, of.exclude, of.fail)
        end
    end
end
return {
    call('HGETALL', key), call('HGET', prefix .. 'plan:' .. plan, 'text'), call('HGETALL', key .. ':runs'), questions,
    past,
}
