-- labels.lua: the labels by which history is split, and the names of its fields.
--
-- A history record has a total per meter, 'cost', and an amount per label, 'cost/tool=search'. The running day is in the scope's own hash,
-- where the fields are 'history/cost' and so on. In the label 'tool=search', 'tool' is the dimension. A record has at most MAX labels of a
-- dimension; further labels count together as 'tool/other'.
--
-- A label is a table, cached between calls by its text:
--   text, dimension   the text, and the number of the dimension
--   other             the label that counts it past MAX; false for 'tool/other' itself
--   field[meter]      the name of its field in a record of its own hash
--   today[meter]      the name of its field in the scope's hash; requests_today is that of requests

local labels = {
    MAX = 200,
    DENIED = 6, CALLS = 7, WOULD_DENY = 8, -- used like meters
    METERS = { 'requests', 'tokens', 'input_tokens', 'output_tokens', 'cost', 'denied', 'calls', 'would_deny' },
    -- The meters of a RECORD, REFUND or COMMIT.
    REPORTED = { 1, 2, 3, 4, 5, 7 },
    DIMENSIONS = { 'provider', 'tool', 'model' },
    TODAY = 'history/',
}
local METERS, DIMENSIONS, TODAY = labels.METERS, labels.DIMENSIONS, labels.TODAY
local match = string.match

-- The cache is cleared when it is full, but never during a call, because records compare labels by identity.
local MAX_CACHED = 20000
local cached, cached_count = {}, 0

-- Must be called at the start of each call.
function labels.begin()
    if cached_count >= MAX_CACHED then cached, cached_count = {}, 0 end
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

-- The totals over all labels, with the fields of a label.
labels.IN_ALL = { text = false, dimension = false, other = false, field = METERS, today = {} }
for meter = 1, #METERS do labels.IN_ALL.today[meter] = TODAY .. METERS[meter] end

-- Returns the label of a text; nil where the text is not a label.
function labels.named(text)
    local label = cached[text]
    if label then return label end
    local dimension = dimension_of[match(text, '^(%l+)=')]
    if not dimension then
        for i = 1, #others do
            if others[i].text == text then return others[i] end
        end
        return nil
    end
    label = make(text, dimension, others[dimension])
    cached[text], cached_count = label, cached_count + 1
    return label
end

-- Returns the label and the meter of a record's field, IN_ALL for a total; nil where the field is not an amount.
function labels.of_field(field)
    if meter_of[field] then return labels.IN_ALL, meter_of[field] end
    local meter, text = match(field, '^([%l_]+)/(.+)$')
    local label = meter_of[meter] and labels.named(text)
    if label then return label, meter_of[meter] end
end

return labels
