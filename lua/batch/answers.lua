-- answers.lua: the reply to a batch, whose format batch.lua describes.
-- @include batch/current
-- @include batch/holds
-- @include batch/scope
-- @include batch/sets

local answers = {
    ALLOW = 1, DENY = 2, OK = 3, BROKEN = 4, DUPLICATE = 5, LATE = 6, OVERFULL = 7, CONFLICT = 8,
    reply = {}, size = 0,
    -- What the answer at hand names besides: places of shadow limits that would have denied, and of limits past a threshold.
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

-- Of a limit, what counts and what is held; of concurrent ones the open reservations count.
function answers.used_and_held(state, limit)
    local held = holds.against(state, limit)
    if state.set.kind[limit] == OPEN then return held, 0 end
    return scope.used(state, limit), held
end

function answers.note_warnings()
    local warnings = answers.warnings
    for i = 1, current.count do
        local place = current.named[i]
        local state = current.scopes[place]
        local set, used = state.set, state.used
        for j = 1, set.warns and set.size or 0 do
            if set.warn[j] >= 0 and used[j] >= set.warn[j] then
                warnings[#warnings + 1] = place
                warnings[#warnings + 1] = j
                warnings[#warnings + 1] = used[j]
            end
        end
    end
end

-- place: of the scope that the answer is about; 0 where no limit applies, nil where the answer names none.
function answers.answer(status, place, limit, milliseconds)
    local shadows, warnings = answers.shadows, answers.warnings
    local extras = #shadows > 0 or #warnings > 0
    if extras then status = status + EXTRAS end
    if place and place > 0 then
        local used, held = answers.used_and_held(current.scopes[place], limit)
        put(held > 0 and status + HELD or status)
        if held > 0 then put(held) end
        put(place)
        put(limit)
        put(used)
        put(milliseconds)
    else
        put(status)
        for _ = 1, place and 4 or 0 do put(0) end
    end
    if not extras then return end
    put(#shadows / 2)
    for i = 1, #shadows do put(shadows[i]) end
    put(#warnings / 3)
    for i = 1, #warnings do put(warnings[i]) end
    answers.shadows, answers.warnings = {}, {}
end

-- The answer to an operation that cannot be applied to a scope, and so is not applied to any.
function answers.fault(status, place)
    if #answers.shadows > 0 then answers.shadows = {} end
    put(status)
    put(place)
end

return answers
