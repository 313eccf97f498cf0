-- exact.lua: whole numbers as text, and sums past 2^53, which doubles do not hold exactly.

local exact = { LARGEST = 9007199254740991 }
local LARGEST, BILLION = exact.LARGEST, 1000000000
local call, pcall, tonumber = redis.call, redis.pcall, tonumber
local floor, max = math.floor, math.max
local sub, find, format = string.sub, string.find, string.format

-- Redis prints a Lua number with 17 digits, at about 0.2 µs each. Most counts are small: their texts are kept, by number.
local SMALL, small_texts = 10000, {}
for number = 0, 1000 do small_texts[number] = format('%d', number) end
exact.small_texts = small_texts

-- What Redis is given for a count: its text, or the number itself where it is large.
function exact.text(number)
    if not (number >= 0 and number < SMALL) then return number end
    local text = small_texts[number]
    if not text then
        text = format('%d', number)
        small_texts[number] = text
    end
    return text
end

-- A sum is { billions, rest }.
function exact.add_number(sum, number)
    local high = floor(number / BILLION)
    sum[1], sum[2] = sum[1] + high, sum[2] + (number - high * BILLION)
end

-- Adds a text of digits; nothing where it is none.
function exact.add_text(sum, text)
    if not text or not find(text, '^%d+$') then return end
    sum[1], sum[2] = sum[1] + (tonumber(sub(text, 1, -10)) or 0), sum[2] + tonumber(sub(text, -9))
end

-- The sum as a number, or past 2^53 as text; at least 0.
function exact.total(sum)
    local carried = floor(sum[2] / BILLION)
    local high, low = sum[1] + carried, sum[2] - carried * BILLION
    local total = high * BILLION + low
    if total <= LARGEST then return max(total, 0) end
    return format('%d%09d', high, low)
end

-- The same as a number, which past 2^53 is not exact.
function exact.approximate(sum) return sum[1] * BILLION + sum[2] end

-- Adds to sums[name], which stays below 2^53: a sum that would pass it is put aside in pieces[name].
function exact.add(sums, pieces, name, amount)
    local sum = (sums[name] or 0) + amount
    if sum > LARGEST or sum < -LARGEST then
        pieces[name] = pieces[name] or {}
        table.insert(pieces[name], sums[name])
        sum = amount
    end
    sums[name] = sum
end

-- HINCRBY. A key of another type, a field that is no number and a sum past 2^63 refuse it: then this does not count. Any other
-- refusal, as for want of memory, is raised: nothing has been written yet when the first write meets it.
function exact.increase(key, field, delta)
    local reply = pcall('HINCRBY', key, field, delta)
    local refusal = type(reply) == 'table' and reply.err
    if refusal and not find(refusal, 'WRONGTYPE', 1, true) and not find(refusal, 'hash value', 1, true)
        and not find(refusal, 'overflow', 1, true)
    then
        error(reply)
    end
    return reply
end

return exact
