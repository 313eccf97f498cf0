-- window.lua: the earlier buckets of a bucketed sliding window, as text.
--
-- A window is divided into RING buckets. A limit has three fields:
--   requests/1m.n   the total of the newest bucket and the RING buckets before it
--   requests/1m.b   the number of the newest non-empty bucket (time / width)
--   requests/1m.r   the RING buckets before it, which change when the window advances or a REFUND takes from them. '5 1 301' is their
--                   sum, the number of digits per count, and the counts, newest first, without trailing zeros. Counts of equal width let
--                   the window advance by cutting text, without a list
--
-- The oldest bucket counts in full, although the window covers only part of it. So the counted buckets contain every window that ends now,
-- and no window ever exceeds the limit. Capacity comes back at most one bucket late.
-- @include batch/sets

local window = {}
local RING = sets.RING
local tonumber, max = tonumber, math.max
local sub, match, format, rep = string.sub, string.match, string.format, string.rep

-- Returns the sum, the width of a column in digits, and the columns. Any other text is an empty window.
local function parse(text)
    local sum, width, columns = match(text or '', '^(%d+) (%d+) (%d*)$')
    width = tonumber(width)
    if not width or width < 1 or #columns % width > 0 then return 0, 1, '' end
    return tonumber(sum), width, columns
end

local function column(columns, width, age)
    return tonumber(sub(columns, (age - 1) * width + 1, age * width)) or 0
end

-- Widens every column to a number of digits.
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

-- Advances a window by 1 to RING buckets: its newest bucket becomes a column, and columns older than RING buckets are removed. Returns the
-- text relative to the new newest bucket, and the new total.
function window.advance(text, total, steps)
    local sum, width, columns = parse(text)
    local closed = max(total - sum, 0)
    local remaining = RING - steps
    for i = remaining + 1, #columns / width do sum = sum - column(columns, width, i) end
    columns = sub(columns, 1, remaining * width)
    local newest = format('%d', closed)
    if #newest > width then
        columns = widened(columns, width, #newest)
        width = #newest
    end
    sum = max(sum, 0) + closed
    return text_of(sum, width, rep('0', steps * width - #newest) .. newest .. columns), sum
end

-- Adds to a bucket. age: the number of buckets since it was the newest.
function window.add(text, amount, age)
    local sum, width, columns = parse(text)
    local count = format('%d', column(columns, width, age) + amount)
    if #count > width then columns, width = widened(columns, width, #count), #count end
    local before = sub(columns, 1, (age - 1) * width)
    return text_of(sum + amount, width,
        before .. rep('0', age * width - #count - #before) .. count .. sub(columns, age * width + 1))
end

-- Takes from the oldest buckets, at most their sum. Returns the text; nil where there is nothing to take.
function window.take_oldest(text, amount)
    local sum, width, columns = parse(text)
    local age, left = #columns / width, math.min(amount, sum)
    if left <= 0 then return nil end
    sum = sum - left
    local tail = ''
    while left > 0 and age > 0 do
        local count = column(columns, width, age)
        local taken = math.min(count, left)
        local rest = format('%d', count - taken)
        tail = rep('0', width - #rest) .. rest .. tail
        left = left - taken
        age = age - 1
    end
    return text_of(sum, width, sub(columns, 1, age * width) .. tail)
end

-- Takes from a bucket, at most its count. age: as for window.add. Returns the text and the amount taken.
function window.take(text, amount, age)
    local sum, width, columns = parse(text)
    local count = column(columns, width, age)
    local taken = math.min(amount, count)
    local rest = format('%d', count - taken)
    columns = sub(columns, 1, (age - 1) * width) .. rep('0', width - #rest) .. rest .. sub(columns, age * width + 1)
    return text_of(max(sum - taken, 0), width, columns), taken
end

window.parse, window.column = parse, column
return window
