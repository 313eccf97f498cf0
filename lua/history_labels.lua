-- history_labels.lua: the names of the fields on a page of history, and which labels have fields of their own there.
--
-- A page has fields for each meter, 'cost' in all and 'cost/tool=search' by label. A label is 'tool=search'; its dimension
-- 'tool'. A page takes labels.MOST of each dimension, of which it keeps the number, 'values/tool'; further ones count
-- together as the label 'tool/other'. What label an amount goes to is its label's home: itself or that. One that is on the
-- page, in whichever meter, stays its own home, so that all meters of a label go the same way.
-- Needs window.lua. Reads only.

local DENIED = 6 -- in place of the meter that history has nothing of
local METER_NAMES = { 'requests', 'tokens', 'input_tokens', 'output_tokens', 'cost', 'denied' }
for meter = 1, DENIED do METER_NAMES[METER_NAMES[meter]] = meter end -- and back
local IN_ALL = '' -- in place of a label
local labels = { MOST = 200, DIMENSIONS = { 'provider', 'tool', 'model' } }

-- Made once a call: fields_of[label][meter] is a field, and back from it label_of[field], meter_of[field]. group_of[field] is
-- 'cost/tool', that of all fields whose sum is what has a label of that dimension. Those in all have neither label nor group.
local fields_of, label_of, meter_of, group_of = { [IN_ALL] = METER_NAMES }, {}, {}, {}

local function field_of(label, meter)
    local fields = fields_of[label]
    if not fields then
        fields = {}
        fields_of[label] = fields
    end
    local field = fields[meter]
    if not field then
        field = METER_NAMES[meter] .. '/' .. label
        fields[meter], label_of[field], meter_of[field] = field, label, meter
        group_of[field] = match(field, '^[^/]*/[^=/]*')
    end
    return field
end

-- Whether a field that stands on a page is an amount, and not what is kept beside them.
function labels.is_amount(field)
    if label_of[field] or METER_NAMES[field] then return true end
    local meter, label = match(field, '^([%l_]+)/(.+)$')
    if not METER_NAMES[meter] then return false end
    field_of(label, METER_NAMES[meter])
    return true
end

-- The homes of a page's labels, as far as they are known. is_complete: every label that is on the page is among them.
-- values: number of labels by dimension, as far as it is known; added: the dimensions of which labels come with this call.
function labels.homes_of(page, is_complete)
    return {
        page = page, is_complete = is_complete, values = {}, added = {},
        ['provider/other'] = 'provider/other', ['tool/other'] = 'tool/other', ['model/other'] = 'model/other',
    }
end

function labels.is_on_page(page, label)
    local texts = call('HMGET', page, field_of(label, 1), field_of(label, 2), field_of(label, 3), field_of(label, 4),
        field_of(label, 5), field_of(label, 6))
    for meter = 1, DENIED do
        if texts[meter] then return true end
    end
    return false
end

-- The home of a label; where it was not known, it is from now on.
local function home_of(homes, label)
    if homes[label] then return homes[label] end
    local home = label
    if homes.is_complete or not labels.is_on_page(homes.page, label) then
        local dimension = match(label, '^[^=]*')
        local count = homes.values[dimension]
        if not count then
            count = not homes.is_complete and tonumber(call('HGET', homes.page, 'values/' .. dimension) or 0) or 0
        end
        if count < labels.MOST then
            count = count + 1
            homes.added[dimension] = true
        else
            home = dimension .. '/other'
        end
        homes.values[dimension] = count
    end
    homes[label] = home
    return home
end
