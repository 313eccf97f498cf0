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
local labels = { MOST = 200 }

-- Made once a call: fields_of[label][meter] is a field, and back from it label_of[field], meter_of[field]. Those in all have
-- no label.
local fields_of, label_of, meter_of = { [IN_ALL] = METER_NAMES }, {}, {}

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

-- The homes of a page's labels, as far as they are known. is_new: nothing stands there. rows: see labels.row_of. values: number
-- of labels by dimension, as far as it is known; added: the dimensions of which labels come with this call.
function labels.homes_of(page, is_new)
    return {
        page = page, is_new = is_new, rows = {}, values = {}, added = {},
        ['provider/other'] = 'provider/other', ['tool/other'] = 'tool/other', ['model/other'] = 'model/other',
    }
end

-- The texts of a label by meter, as they stand on the page, false for those that are not there.
function labels.row_of(homes, label)
    local row = homes.rows[label]
    if not row then
        row = call('HMGET', homes.page, field_of(label, 1), field_of(label, 2), field_of(label, 3), field_of(label, 4),
            field_of(label, 5), field_of(label, 6))
        homes.rows[label] = row
    end
    return row
end

function labels.is_on_page(homes, label)
    if homes.is_new then return false end
    local row = labels.row_of(homes, label)
    for meter = 1, DENIED do
        if row[meter] then return true end
    end
    return false
end

function labels.count_of(homes, dimension)
    local count = homes.values[dimension]
    if not count then
        count = not homes.is_new and tonumber(call('HGET', homes.page, 'values/' .. dimension) or 0) or 0
        homes.values[dimension] = count
    end
    return count
end

-- The home of a label; nil where the page has none of it and is not full.
function labels.present_home(homes, label)
    local home = homes[label]
    if home then return home end
    if labels.is_on_page(homes, label) then
        home = label
    else
        local dimension = match(label, '^[^=]*')
        home = labels.count_of(homes, dimension) >= labels.MOST and dimension .. '/other' or nil
    end
    homes[label] = home
    return home
end

-- The same for an amount that comes to the page: a label that is new there gets its home.
local function home_of(homes, label)
    local home = labels.present_home(homes, label)
    if home then return home end
    local dimension = match(label, '^[^=]*')
    homes.values[dimension] = homes.values[dimension] + 1
    homes.added[dimension] = true
    homes[label] = label
    return label
end
