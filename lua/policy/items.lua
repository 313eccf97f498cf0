-- policy/items.lua: the stored form of the settings of administrators, {"item":{…},"order":7,"version":7}: the setting,
-- the number of the change that created it, and of the one that last wrote it.

local match, floor = string.match, math.floor

local items = {}

-- Unix ms of a time such as 2026-11-22T10:00:00Z; nil for other text. Years start in March, so that a leap day is the
-- last day of one. 719163 is the day 1970-01-01, counted from the year 1.
function items.milliseconds(text)
    local year, month, day, hour, minute, second =
        match(tostring(text), '^(%d%d%d%d)%-(%d%d)%-(%d%d)T(%d%d):(%d%d):(%d%d)Z$')
    if not year then return nil end
    year, month = tonumber(year), tonumber(month)
    if month < 3 then year, month = year - 1, month + 12 end
    local days = 365 * year + floor(year / 4) - floor(year / 100) + floor(year / 400) + floor((153 * month - 457) / 5)
        + day - 306 - 719163
    return (((days * 24 + hour) * 60 + minute) * 60 + second) * 1000
end

-- Parses the value of a field: nil for none, false if it is malformed.
function items.parse(stored)
    if not stored then return nil end
    local text, order, version = match(stored, '^{"item":({.*}),"order":(%d+),"version":(%d+)}$')
    if not text or #order > 15 or #version > 15 then return false end
    local is_read, value = pcall(cjson.decode, text)
    if not is_read then return false end
    return { text = text, value = value, order = tonumber(order), version = tonumber(version) }
end

return items
