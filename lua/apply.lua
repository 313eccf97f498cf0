-- apply.lua: the end of batch.lua: goes through the operations, then writes what has changed, and replies.

local at, last = 1, #operations
while at <= last do
    local verb = operations[at]
    local is_plain = verb == PLAIN_CHECK
    for meter = REQUESTS, COST do asked[meter] = nil end
    if is_plain then
        at = at + 1
    else
        local count = operations[at + 1]
        at = at + 2
        for _ = 1, count do
            asked[operations[at]] = operations[at + 1]
            at = at + 2
        end
    end
    named_count = operations[at]
    local broken
    for i = 1, named_count do
        local place = operations[at + i]
        named[i] = place
        if scopes[place].broken then broken = place end
    end
    at = at + named_count + 1
    if broken then
        put(BROKEN)
        put(broken)
    elseif not (is_plain and pass_quietly()) then
        for i = 1, named_count do count_hits(scopes[named[i]]) end
        if is_plain then
            asked[REQUESTS] = 1
            decide(CHECK)
        elseif verb <= PEEK then
            decide(verb)
        else
            settle(verb)
        end
    end
end

-- Writing ------------------------------------------------------------------------------------------------------------

for i = 1, #scopes do
    local state = scopes[i]
    if not state.broken then count_hits(state) end
    if state.changed then write_counters(state) end
end
for i = 1, #scopes do write_history(scopes[i]) end
return cmsgpack.pack(reply)
