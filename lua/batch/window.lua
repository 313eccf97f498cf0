-- window.lua: the text of a sliding window's earlier buckets.
--
-- A window is cut into RING buckets. A limit has three fields:
--   requests/1m.n   total over the buckets that touch the window
--   requests/1m.b   number of the newest bucket (time / width) that holds anything
--   requests/1m.r   the RING buckets before it, which change when the window moves on or a REFUND takes from them: '5 1 301' is
--                   their sum, the digits that each takes, and the counts, newest first, trailing zeros left out. As every count
--                   takes as many digits, moving on is a matter of cutting text; no list is made
--
-- The total covers the newest bucket and the RING before it, so the oldest one, of which the window covers only a part, counts in
-- full: every stretch of one window's length that ends now lies within what is counted, and so never holds more than the limit.
-- Capacity comes back at most one bucket late.
-- @include batch/sets

local window = {}
local RING = sets.RING
local tonumber, max = tonumber, math.max
local sub, match, format, rep = string.sub, string.match, string.format, string.rep

-- A text's sum, width of a column, and columns. Other texts are empty windows.
local function parse(text)
    local sum, width, columns = match(text or '', '^(%d+) (%d+) (%d*)$')
    width = tonumber(width)
    if not width or width < 1 or #columns % width > 0 then return 0, 1, '' end
    return tonumber(sum), width, columns
end

local function column(columns, width, place)
    return tonumber(sub(columns, (place - 1) * width + 1, place * width)) or 0
end

-- Gives every column more digits.
local function widened(columns, width, to)
    local wide = {}
    for i = 1, #columns / width do wide[i] = rep('0', to - width) .. sub(columns, (i - 1) * width + 1, i * width) end
    return table.concat(wide)
end

local function text_of(sum, width, columns)
    if sub(columns, -1) == '0' then
        columns = match(columns, '^.*[1-9]') or ''
        columns = columns .. rep('0', -#columns % width)
    end
    return format('%d %d %s', sum, width, columns)
end

-- Moves a window on by so many buckets, 1 to RING: what was its newest bucket becomes a column, what is older than RING buckets
-- falls out. Returns the text as seen from the new newest bucket, and the new total.
function window.advance(text, total, steps)
    local sum, width, columns = parse(text)
    local closed = max(total - sum, 0)
    local kept = RING - steps
    for i = kept + 1, #columns / width do sum = sum - column(columns, width, i) end
    columns = sub(columns, 1, kept * width)
    local newest = format('%d', closed)
    if #newest > width then
        columns = widened(columns, width, #newest)
        width = #newest
    end
    sum = max(sum, 0) + closed
    return text_of(sum, width, rep('0', steps * width - #newest) .. newest .. columns), sum
end

-- Adds to the bucket so many places before the newest one.
function window.add(text, amount, place)
    local sum, width, columns = parse(text)
    local count = format('%d', column(columns, width, place) + amount)
    if #count > width then columns, width = widened(columns, width, #count), #count end
    local before = sub(columns, 1, (place - 1) * width)
    return text_of(sum + amount, width,
        before .. rep('0', place * width - #count - #before) .. count .. sub(columns, place * width + 1))
end

-- Takes from the oldest buckets, no more than they all hold. Nil where there is nothing to take.
function window.take_oldest(text, amount)
    local sum, width, columns = parse(text)
    local place, left = #columns / width, math.min(amount, sum)
    if left <= 0 then return nil end
    sum = sum - left
    local tail = ''
    while left > 0 and place > 0 do
        local count = column(columns, width, place)
        local taken = math.min(count, left)
        local rest = format('%d', count - taken)
        tail = rep('0', width - #rest) .. rest .. tail
        left = left - taken
        place = place - 1
    end
    return text_of(sum, width, sub(columns, 1, place * width) .. tail)
end

-- Takes from the bucket so many places before the newest one, no more than it holds. Returns the text and how much was taken.
function window.take(text, amount, place)
    local sum, width, columns = parse(text)
    local count = column(columns, width, place)
    local taken = math.min(amount, count)
    local rest = format('%d', count - taken)
    columns = sub(columns, 1, (place - 1) * width) .. rep('0', width - #rest) .. rest .. sub(columns, place * width + 1)
    return text_of(max(sum - taken, 0), width, columns), taken
end

window.parse, window.column = parse, column
return window
