-- idempotency.lua: idempotency keys, so that an operation is applied at most once. A key exists once its operation has been applied. Its
-- text is the amounts of a RECORD or REFUND, or the outcome of a reservation.
-- @include batch/current

local idempotency = { RETENTION = 86400000, UNSPECIFIED = '1' }
local call, pcall, format, match = redis.call, redis.pcall, string.format, string.match

-- texts: the text of each key, or false where it does not exist, by the key's index after the scopes' keys.
-- to_write: { index, retention in ms }.
local texts, to_write = {}, {}

function idempotency.begin() texts, to_write = {}, {} end

local function key_of(index) return current.keys[#current.scopes + index] end

-- Returns the text of a key; false where its operation has not been applied. A key of another type exists, but without known amounts.
function idempotency.text(index)
    local text = texts[index]
    if text == nil then
        text = pcall('GET', key_of(index))
        if type(text) == 'table' then text = idempotency.UNSPECIFIED end
        texts[index] = text
    end
    return text
end

-- Splits a text: the first four amounts, the cost, and then a digest of what has no meter; and whether the cost follows from prices.
local function parts(text)
    local amounts, cost, rest = match(text, '^(%d+ %d+ %d+ %d+) (%d+)(.*)$')
    return amounts, cost, rest and match(rest, '%d+'), rest and match(rest, 'p$')
end

-- Returns the text of the amounts of an operation.
function idempotency.text_of(asked, digest, is_priced)
    local text = format('%d %d %d %d %d', asked[1] or 0, asked[2] or 0, asked[3] or 0, asked[4] or 0, asked[5] or 0)
    if digest > 0 then text = text .. format(' %d', digest) end
    return is_priced and text .. ' p' or text
end

-- Whether the text of a key says that the operation of another text was applied. Costs that follow from prices may differ.
function idempotency.is_same(known, text)
    if known == text or known == idempotency.UNSPECIFIED then return true end
    local amounts, cost, digest, is_priced = parts(known)
    local other_amounts, other_cost, other_digest, other_is_priced = parts(text)
    return amounts and amounts == other_amounts and digest == other_digest
        and (cost == other_cost or (is_priced and other_is_priced))
end

-- Records an operation as applied. retention: in ms.
function idempotency.set(index, text, retention)
    texts[index] = text
    to_write[#to_write + 1] = { index, retention }
end

function idempotency.write()
    for i = 1, #to_write do
        local index, retention = to_write[i][1], to_write[i][2]
        call('SET', key_of(index), texts[index], 'PX', format('%d', retention))
    end
end

return idempotency
