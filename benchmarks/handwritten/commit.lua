-- Ends a hold of reserve.lua, and adds what the call really used, as record.lua does.
--
--   EVALSHA sha 5 USER-DAY TOOL-DAY PROVIDER-DAY USER USER-HOLDS TOKENS COST TOKEN    ->  OK  |  OK duplicate=1
--
-- A hold ends once: what is committed a second time, or after another RESERVE has found it expired, adds nothing.
local call = redis.call
local token = ARGV[3]
if call('ZREM', KEYS[5], token) == 0 then return { ok = 'OK duplicate=1' } end
call('HINCRBY', KEYS[4], 'held', '-' .. string.match(token, '^%d+'))
local tokens, cost = ARGV[1], ARGV[2]
local first = tonumber(tokens)
for i = 1, 3 do
    local key = KEYS[i]
    call('HINCRBY', key, 'cost', cost)
    if call('HINCRBY', key, 'tokens', tokens) == first then call('EXPIRE', key, 172800) end
end
return { ok = 'OK' }
