-- outbox.lua: the changes of a scope's alerts that have not been published yet. They stand in the field `outbox` of its hash, written
-- together with what they are about (alerts/book.lua), and leave it when they have been published (alerts/remove_published.lua).
--
-- The field is a JSON array, in the order in which things happened:
--   {"opened":"cost/day","period":"2026-11-20/1795219200000","percent":80,"max":"20000000000","used":"16100000000",
--       "at":1795190000000,"shadow":false,"source":"tier:basic"}
--                  period: id/end, or - where the limit has no calendar; amounts are texts, as doubles do not hold them all
--   {"resolved":"cost/day","percent":95,"opened_at":1795200000000,"reason":"refunded","at":1795203000000}
--   {"unreadable":"…"}   what was found there instead
-- In Lua an item is its JSON. The same item always has the same.
-- @include lib/json

-- MAX: items in a field. LONGEST: bytes that are kept of an unreadable item. LONGEST_ITEM: bytes of any other.
local outbox = { FIELD = 'outbox', MAX = 100 }
local LONGEST, LONGEST_ITEM = 200, 1000
local pcall, format, find, gsub, sub, concat = pcall, string.format, string.find, string.gsub, string.sub, table.concat
local quoted = json.quoted

local OPENED = '{"opened":%s,"period":%s,"percent":%d,"max":%s,"used":%s,"at":%d,"shadow":%s,"source":%s}'
local RESOLVED = '{"resolved":%s,"percent":%d,"opened_at":%d,"reason":%s,"at":%d}'

-- In ASCII: what is no UTF-8 would come back as another text.
local function unreadable(text) return format('{"unreadable":%s}', quoted((gsub(sub(text, 1, LONGEST), '[\128-\255]', '?')))) end

-- All that is written here is ASCII and short, unless names in the hash were made up.
local function checked(item)
    if #item > LONGEST_ITEM or find(item, '[\128-\255]') then return unreadable(item) end
    return item
end

-- max, used: texts of digits.
function outbox.opened(limit, period, percent, max, used, at, is_shadow, source)
    return checked(format(OPENED, quoted(limit), quoted(period), percent, quoted(max), quoted(used), at,
        is_shadow and 'true' or 'false', quoted(source)))
end

function outbox.resolved(limit, percent, opened_at, reason, at)
    return checked(format(RESOLVED, quoted(limit), percent, opened_at, quoted(reason), at))
end

-- The item that a JSON object says; an error where it is none.
local function item_of(object)
    if object.opened then
        return outbox.opened(object.opened, object.period, object.percent, object.max, object.used, object.at,
            object.shadow == true, object.source)
    elseif object.resolved then
        return outbox.resolved(object.resolved, object.percent, object.opened_at, object.reason, object.at)
    end
    return unreadable(object.unreadable)
end

-- The items of a field.
function outbox.parse(text)
    if not text then return {} end
    local is_json, objects = pcall(cjson.decode, text)
    if not is_json or type(objects) ~= 'table' or objects[1] == nil then return { unreadable(text) } end
    local items = {}
    for i = 1, #objects do
        local is_item, item = pcall(item_of, objects[i])
        if not is_item then
            local is_json_again, its_text = pcall(cjson.encode, objects[i]) -- no number is refused by decode
            item = unreadable(is_json_again and its_text or '')
        end
        items[i] = item
    end
    return items
end

-- The field of items from the first one on, or another; there is one at least.
function outbox.text(items, first) return '[' .. concat(items, ',', first) .. ']' end

return outbox
