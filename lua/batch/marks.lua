-- marks.lua: keys that exist once an operation that is to count once has been applied. Their texts: the amounts of a RECORD or a REFUND;
-- what became of a reservation.
-- @include batch/current

local marks = { KEPT = 86400000, UNNAMED = '1' }
local call, pcall, format = redis.call, redis.pcall, string.format

-- By the mark's place behind the scopes' keys: its text, false where there is none. to_write: { place, ms to keep it }.
local texts, to_write = {}, {}

function marks.begin() texts, to_write = {}, {} end

local function key_of(mark) return current.keys[#current.scopes + mark] end

-- What is known of an operation; false where it has not been applied. A key of another type is a mark too, which says nothing of amounts.
function marks.of(mark)
    local text = texts[mark]
    if text == nil then
        text = pcall('GET', key_of(mark))
        if type(text) == 'table' then text = marks.UNNAMED end
        texts[mark] = text
    end
    return text
end

-- kept: for how many ms.
function marks.set(mark, text, kept)
    texts[mark] = text
    to_write[#to_write + 1] = { mark, kept }
end

function marks.write()
    for i = 1, #to_write do
        local mark, kept = to_write[i][1], to_write[i][2]
        call('SET', key_of(mark), texts[mark], 'PX', format('%d', kept))
    end
end

return marks
