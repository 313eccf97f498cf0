-- Usage of a call, added to the day's totals of its user, tool and provider. No limit is looked at.
--
--   EVALSHA sha 3 USER-DAY TOOL-DAY PROVIDER-DAY TOKENS COST    ->  OK
--
-- A scope and day is one hash, `tokens` and `cost` (in nano-units, as Tollgate counts money); the client puts the day
-- into the key. HINCRBY is exact to 2^63, and cheaper here than reading, adding and writing.
local call = redis.call
local tokens, cost = ARGV[1], ARGV[2]
local first = tonumber(tokens)
for i = 1, 3 do
    local key = KEYS[i]
    call('HINCRBY', key, 'cost', cost)
    if call('HINCRBY', key, 'tokens', tokens) == first then call('EXPIRE', key, 172800) end
end
return { ok = 'OK' }
