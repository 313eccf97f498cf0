-- hold_score.lua: the score of a hold in its sorted set: when it ends, and what is charged then.
--
-- The score is the end (Unix ms) plus (128 + 32 × parts + tier) / 256. A RESERVE decides on both, whichever request sweeps the hold later:
--   parts  what is charged: 0 nothing, 1 the tokens, 2 the cost, 3 both
--   tier   the number of the user's tier in the field `charge_tiers` of the scope's hash (charges.lua); 0 for any
-- A score without a fraction is that of an older version, which left the decision to the limits at the end.

local hold_score = { MAX_TIER = 31 }
local DECIDED, TIERS, STEPS = 128, 32, 256
local floor, format = math.floor, string.format

function hold_score.text(ends, parts, tier)
    if parts == 0 then return format('%d.5', ends) end
    return format('%.17g', ends + (DECIDED + TIERS * parts + tier) / STEPS)
end

-- Returns the end of a hold, from its score as Redis returns it.
function hold_score.ends(text) return floor(tonumber(text)) end

-- Returns the parts and the tier; nil where the score states none.
function hold_score.terms(text)
    local score = tonumber(text)
    local terms = floor((score - floor(score)) * STEPS) - DECIDED
    if terms < 0 then return nil end
    return floor(terms / TIERS), terms % TIERS
end

-- Returns the bounds of the scores of holds that have ended, and of those that have not.
function hold_score.ended(now) return '-inf', format('(%d', now + 1) end
function hold_score.open(now) return format('%d', now + 1), '+inf' end

return hold_score
