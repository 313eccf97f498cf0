-- exact.lua: integers as text, and sums past 2^53, which doubles do not represent exactly.

local exact = { LARGEST = 9007199254740991 }
local LARGEST, BILLION = exact.LARGEST, 1000000000
local call, pcall, tonumber = redis.call, redis.pcall, tonumber
local floor, max = math.floor, math.max
local sub, find, format = string.sub, string.find, string.format

-- Redis formats a Lua number with 17 digits, in about 0.2 µs. Most counts are small, so their texts are cached by number.
local SMALL, small_texts = 10000, {}
for number = 0, 1000 do small_texts[number] = format('%d', number) end
exact.small_texts = small_texts

-- Returns the argument for Redis that stands for a count: its text, or the number itself where it is large.
function exact.text(number)
    if not (number >= 0 and number < SMALL) then return number end
    local text = small_texts[number]
    if not text then
        text = format('%d', number)
        small_texts[number] = text
    end
    return text
end

-- Adds a number to a sum, which is { billions, rest }.
function exact.add_number(sum, number)
    local high = floor(number / BILLION)
    sum[1], sum[2] = sum[1] + high, sum[2] + (number - high * BILLION)
end

-- Adds a text of digits. Ignores any other text.
function exact.add_text(sum, text)
    if not text or not find(text, '^%d+$') then return end
    sum[1], sum[2] = sum[1] + (tonumber(sub(text, 1, -10)) or 0), sum[2] + tonumber(sub(text, -9))
end

-- Returns the sum as a number, or past 2^53 as text; at least 0.
function exact.total(sum)
    local carried = floor(sum[2] / BILLION)
    local high, low = sum[1] + carried, sum[2] - carried * BILLION
    local total = high * BILLION + low
    if total <= LARGEST then return max(total, 0) end
    return format('%d%09d', high, low)
end

-- Returns the sum as a number, which is not exact past 2^53.
function exact.approximate(sum) return sum[1] * BILLION + sum[2] end

-- Adds to sums[name], which stays below 2^53: a sum that would exceed it is moved to pieces[name].
function exact.add(sums, pieces, name, amount)
    local sum = (sums[name] or 0) + amount
    if sum > LARGEST or sum < -LARGEST then
        pieces[name] = pieces[name] or {}
        table.insert(pieces[name], sums[name])
        sum = amount
    end
    sums[name] = sum
end

-- Calls HINCRBY. Skips a key of another type, a field that is not a number, and a sum past 2^63. Raises any other error, for example for
-- lack of memory: the first write meets it, before anything has been written.
function exact.increase(key, field, delta)
    local reply = pcall('HINCRBY', key, field, delta)
    local message = type(reply) == 'table' and reply.err
    if message and not find(message, 'WRONGTYPE', 1, true) and not find(message, 'hash value', 1, true)
        and not find(message, 'overflow', 1, true)
    then
        error(reply)
    end
    return reply
end

return exact
