-- alerts/book.lua: the alerts that were opened for a scope's limits, in the field `alerts` of its hash. Entries of
-- limits are separated by semicolons:
--   cost/day 2026-11-20/1795219200000 80:20000000000:1795190000000@basic 95:20000000000:-1795200000000r1795203000000@basic
-- An entry contains:
--   the limit
--   the period: id/end; `-` for a limit without a calendar; `reset` after its counter was reset
--   items: threshold in percent, max and opening time (Unix ms)
-- The time is negative if the alert no longer applies. `r` and a time follow if the threshold can open again a minute
-- after that time: the time at which the limit got another max, or the opening time if usage was refunded. `@` and the
-- user's tier follow if the user had one.

local book = { FIELD = 'alerts' }
local tonumber, ipairs = tonumber, ipairs
local match, format, gmatch, concat = string.match, string.format, string.gmatch, table.concat

local function parse_items(text)
    local items = {}
    for percent, most, at, rearm, tier in gmatch(text, '(%d+):(%d+):(%-?%d+)r?(%d*)@?(%S*)') do
        items[#items + 1] = {
            percent = tonumber(percent), max = tonumber(most), at = tonumber(at), rearm_from = tonumber(rearm),
            tier = tier,
        }
    end
    return items
end

-- Parses the field: { limits: { period, items } by name, names: in order }. Malformed entries are left out.
function book.parse(text)
    local parsed = { limits = {}, names = {} }
    for entry in gmatch(text or '', '[^;]+') do
        local name, period, items = match(entry, '^([%w_/]+) (%S+) (.*)$')
        if name and not parsed.limits[name] then
            parsed.names[#parsed.names + 1] = name
            parsed.limits[name] = { period = period, items = parse_items(items) }
        end
    end
    return parsed
end

local function item_text(item)
    local rearm = item.rearm_from and format('r%d', item.rearm_from) or ''
    local tier = item.tier ~= '' and '@' .. item.tier or ''
    return format('%d:%d:%d%s%s', item.percent, item.max, item.at, rearm, tier)
end

-- Formats the field; '' if there are no entries.
function book.text(parsed)
    local entries = {}
    for _, name in ipairs(parsed.names) do
        local entry, items = parsed.limits[name], {}
        for i, item in ipairs(entry and entry.items or {}) do items[i] = item_text(item) end
        if #items > 0 then entries[#entries + 1] = name .. ' ' .. entry.period .. ' ' .. concat(items, ' ') end
    end
    return concat(entries, ';')
end

return book
