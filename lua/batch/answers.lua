-- answers.lua: the reply to a batch. batch.lua describes the format.
-- @include batch/current
-- @include batch/holds
-- @include batch/scope
-- @include batch/sets

local answers = {
    ALLOW = 1, DENY = 2, OK = 3, BROKEN = 4, DUPLICATE = 5, LATE = 6, OVERFULL = 7, CONFLICT = 8,
    BROKEN_HOLDS = 9,
    reply = {}, size = 0,
    -- The extras of the current answer: shadow limits that would have denied, and limits past a threshold.
    shadows = {}, warnings = {},
}
local EXTRAS, HELD, OPEN = 10, 20, sets.OPEN

function answers.begin()
    answers.reply, answers.size = { 1, current.now }, 2
    answers.shadows, answers.warnings = {}, {}
end

function answers.put(value)
    local size = answers.size + 1
    answers.reply[size], answers.size = value, size
end
local put = answers.put

-- Returns the used and the held amount of a limit. For a concurrent limit, the open reservations are the used amount.
function answers.used_and_held(state, limit)
    local held = holds.against(state, limit)
    if state.set.kind[limit] == OPEN then return held, 0 end
    return scope.used(state, limit), held
end

function answers.note_warnings()
    local warnings = answers.warnings
    for i = 1, current.count do
        local index = current.named[i]
        local state = current.scopes[index]
        local set, used, figures = state.set, state.used, state.figures
        for j = 1, set.warns and set.size or 0 do
            local count = used[j]
            if figures then count = scope.counted(state, j) end
            if set.warn[j] >= 0 and count >= set.warn[j] then
                warnings[#warnings + 1] = index
                warnings[#warnings + 1] = j
                warnings[#warnings + 1] = count
            end
        end
    end
end

-- Appends an answer. index: of the scope that the answer names; 0 where no limit applies, nil where the answer names none.
function answers.answer(status, index, limit, milliseconds)
    local shadows, warnings = answers.shadows, answers.warnings
    local extras = #shadows > 0 or #warnings > 0
    if extras then status = status + EXTRAS end
    if index and index > 0 then
        local used, held = answers.used_and_held(current.scopes[index], limit)
        put(held > 0 and status + HELD or status)
        if held > 0 then put(held) end
        put(index)
        put(limit)
        put(used)
        put(milliseconds)
    else
        put(status)
        for _ = 1, index and 4 or 0 do put(0) end
    end
    if not extras then return end
    put(#shadows / 2)
    for i = 1, #shadows do put(shadows[i]) end
    put(#warnings / 3)
    for i = 1, #warnings do put(warnings[i]) end
    answers.shadows, answers.warnings = {}, {}
end

-- Appends the answer to an operation that one scope rejects, so that it is applied to none.
function answers.fault(status, index)
    if #answers.shadows > 0 then answers.shadows = {} end
    put(status)
    put(index)
end

return answers
