-- labels.lua: by what history is split, and the names of its fields.
--
-- A page of history has fields for each meter, 'cost' in all and 'cost/tool=search' by label; in a scope's own hash, which has the
-- running day, they are named 'history/cost' and so on. A label is 'tool=search', its dimension 'tool'. A page takes MAX labels of
-- each dimension; further ones count together as the label 'tool/other'.
--
-- A label is a table, kept between calls by its text: text, dimension (a number), other (the label that further ones count as; false
-- for such a one itself), and field[meter], today[meter]: the names of its fields on a page and in the hash, requests_today that of
-- requests.

local labels = {
    MAX = 200,
    DENIED = 6, -- in place of a meter
    METERS = { 'requests', 'tokens', 'input_tokens', 'output_tokens', 'cost', 'denied' },
    DIMENSIONS = { 'provider', 'tool', 'model' },
    TODAY = 'history/',
}
local METERS, DIMENSIONS, TODAY = labels.METERS, labels.DIMENSIONS, labels.TODAY
local match = string.match

-- Dropped whole when there are too many, and never during a call: pages tell labels by their tables.
local MAX_KEPT = 20000
local kept, kept_count = {}, 0

-- To be called when a call begins.
function labels.begin()
    if kept_count >= MAX_KEPT then kept, kept_count = {}, 0 end
end

local function make(text, dimension, other)
    local label = { text = text, dimension = dimension, other = other, field = {}, today = {} }
    for meter = 1, #METERS do
        label.field[meter] = METERS[meter] .. '/' .. text
        label.today[meter] = TODAY .. label.field[meter]
    end
    label.requests_today = label.today[1]
    return label
end

local others, meter_of, dimension_of = {}, {}, {}
for i = 1, #DIMENSIONS do
    others[i], dimension_of[DIMENSIONS[i]] = make(DIMENSIONS[i] .. '/other', i, false), i
end
for meter = 1, #METERS do meter_of[METERS[meter]] = meter end

-- What is counted in all: the place of a label's fields.
labels.IN_ALL = { text = false, dimension = false, other = false, field = METERS, today = {} }
for meter = 1, #METERS do labels.IN_ALL.today[meter] = TODAY .. METERS[meter] end

-- The label of a text; nil where it is none.
function labels.named(text)
    local label = kept[text]
    if label then return label end
    local dimension = dimension_of[match(text, '^(%l+)=')]
    if not dimension then
        for i = 1, #others do
            if others[i].text == text then return others[i] end
        end
        return nil
    end
    label = make(text, dimension, others[dimension])
    kept[text], kept_count = label, kept_count + 1
    return label
end

-- The label and the meter of a page's field, IN_ALL for one in all; nil where the field is no amount.
function labels.of_field(field)
    if meter_of[field] then return labels.IN_ALL, meter_of[field] end
    local meter, text = match(field, '^([%l_]+)/(.+)$')
    local label = meter_of[meter] and labels.named(text)
    if label then return label, meter_of[meter] end
end

return labels
