-- resets.lua: which limits were reset since a reservation has ended.
--
-- A reset (policy/reset.lua) removes what was charged before it, so that is not given back to the counters, only to the history. A hold that
-- had ended by then, but was charged later, does not count in them either: whether a call has charged it in time must not matter. The field
-- `resets` has the times of resets by limit, or of all limits: '* 1795219200123;cost/day 1795219260123'.
--
-- In the state of a scope:
--   resets   the times of resets by the name of the limit, and their latest; nil until they are read, false for none

local resets = {}
local pcall, tonumber, type, max = redis.pcall, tonumber, type, math.max
local gmatch, gsub = string.gmatch, string.gsub

-- Returns the times of the resets of a scope; false for none.
local function read(state)
    if state.resets == nil then
        local text = pcall('HGET', state.key, 'resets')
        state.resets = false
        for name, time in gmatch(type(text) == 'string' and text or '', '([^ ;]+) (%d+)') do
            state.resets = state.resets or { latest = 0 }
            state.resets[name], state.resets.latest = tonumber(time), max(state.resets.latest, tonumber(time))
        end
    end
    return state.resets
end

-- Returns the limits, by their indexes, that were reset since a hold has ended; nil for none.
function resets.since(state, ends)
    local times, set, found = read(state), state.set, nil
    if not times or times.latest < ends then return nil end
    for j = 1, set.size do
        local name = set.counter[j] and gsub(set.counter[j], '%.n$', '')
        if name and max(times[name] or 0, times['*'] or 0) >= ends then
            found = found or {}
            found[j] = true
        end
    end
    return found
end

return resets
