--[[
What lists have to know of deployments, without reading them whole.

KEYS[1]  a key of theirs
ARGV     the prefix of all keys, "question" or "deployment": what the numbers are of, "asks" if it is to be found out
         whether questions of deployments are open, else "", then the numbers

Returns  for each: the number of its deployment, project, environment, state (nil where there is none), "yes" if it was
         found out that a question of it is open, the number that was given, and when a question was asked
]]
local call = redis.call
local prefix = ARGV[1]

local function asks(id, state)
    if state == 'paused' then
        return 'yes'
    end
    local questions = (state == 'running' or state == 'canceling') and call('LRANGE', prefix .. 'dep:' .. id .. ':questions', 0, -1)
    for _, question in ipairs(questions or {}) do
        if call('HGET', prefix .. 'q:' .. question, 'state') == 'open' then
            return 'yes'
        end
    end
    return ''
end

local heads = {}
for i = 4, #ARGV do
    local id, of_question, asked = ARGV[i], ARGV[2] == 'question', ''
    if of_question then
        local question = call('HMGET', prefix .. 'q:' .. id, 'deployment', 'asked')
        id, asked = question[1] or '', question[2] or ''
    end
    local head = call('HMGET', prefix .. 'dep:' .. id, 'project', 'environment', 'state')
    local open = of_question and 'yes' or ARGV[3] == 'asks' and asks(id, head[3]) or ''
    heads[i - 3] = {id, head[1], head[2], head[3], open, ARGV[i], asked}
end
return heads
