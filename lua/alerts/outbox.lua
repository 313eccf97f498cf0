-- alerts/outbox.lua: a transactional outbox. The field `outbox` of a scope's hash contains the changes of its alerts
-- that have not been published yet. They are written together with the alerts (alerts/book.lua), and removed once
-- published (alerts/remove_published.lua).
--
-- The field is a JSON array in the order of the changes:
--   {"opened":"cost/day","period":"2026-11-20/1795219200000","percent":80,"max":"20000000000","used":"16100000000",
--       "at":1795190000000,"shadow":false,"source":"tier:basic"}
--                  period: id/end, or - for a limit without a calendar; amounts are texts, because doubles are not exact
--   {"resolved":"cost/day","percent":95,"opened_at":1795200000000,"reason":"refunded","at":1795203000000}
--   {"unreadable":"…"}   a malformed value that was found instead
-- In Lua an item is its JSON. Equal items have equal JSON.
-- @include lib/json

-- Maximum number of items in a field.
local outbox = { FIELD = 'outbox', MAX = 100 }
-- Maximum bytes of an unreadable item, which is truncated, and of any other.
local MAX_UNREADABLE, MAX_ITEM = 200, 1000
local pcall, format, find, gsub, sub, concat = pcall, string.format, string.find, string.gsub, string.sub, table.concat
local quoted = json.quoted

local OPENED = '{"opened":%s,"period":%s,"percent":%d,"max":%s,"used":%s,"at":%d,"shadow":%s,"source":%s}'
local RESOLVED = '{"resolved":%s,"percent":%d,"opened_at":%d,"reason":%s,"at":%d}'

-- ASCII only: a reply that is not valid UTF-8 would be decoded as another text.
local function unreadable(text)
    return format('{"unreadable":%s}', quoted((gsub(sub(text, 1, MAX_UNREADABLE), '[\128-\255]', '?'))))
end

-- Items are short and ASCII, unless the hash was edited by hand.
local function checked(item)
    if #item > MAX_ITEM or find(item, '[\128-\255]') then return unreadable(item) end
    return item
end

-- The item of an opened alert. max, used: texts of digits.
function outbox.opened(limit, period, percent, max, used, at, is_shadow, source)
    return checked(format(OPENED, quoted(limit), quoted(period), percent, quoted(max), quoted(used), at,
        is_shadow and 'true' or 'false', quoted(source)))
end

function outbox.resolved(limit, percent, opened_at, reason, at)
    return checked(format(RESOLVED, quoted(limit), percent, opened_at, quoted(reason), at))
end

-- The item of a JSON object. Raises an error if the object is not one.
local function item_of(object)
    if object.opened then
        return outbox.opened(object.opened, object.period, object.percent, object.max, object.used, object.at,
            object.shadow == true, object.source)
    elseif object.resolved then
        return outbox.resolved(object.resolved, object.percent, object.opened_at, object.reason, object.at)
    end
    return unreadable(object.unreadable)
end

-- Parses the field into items.
function outbox.parse(text)
    if not text then return {} end
    local is_json, objects = pcall(cjson.decode, text)
    if not is_json or type(objects) ~= 'table' or objects[1] == nil then return { unreadable(text) } end
    local items = {}
    for i = 1, #objects do
        local is_item, item = pcall(item_of, objects[i])
        if not is_item then
            -- cjson decodes numbers that it cannot encode.
            local is_encoded, its_text = pcall(cjson.encode, objects[i])
            item = unreadable(is_encoded and its_text or '')
        end
        items[i] = item
    end
    return items
end

-- Formats the field with the items from `first` (1 by default) on. There must be at least one.
function outbox.text(items, first) return '[' .. concat(items, ',', first) .. ']' end

return outbox
