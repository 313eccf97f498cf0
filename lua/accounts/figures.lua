-- accounts/figures.lua: writes the figures of an account's provider to the hash of its scope (batch/scope.lua), where limits count them.
--
-- KEYS[1]  hash of the scope
-- ARGV[1]  until when the figures are needed, Unix ms
-- ARGV[2…] field, value, field, value …: tokens/month.provider, '412000 2026-11 1796083200000'; an empty value removes the field
-- Reply    whether the key is a hash: 1, or 0 and nothing is written
-- O(fields)
-- @function

local call, unpack = redis.call, unpack

return function(KEYS, ARGV)
    local key, write, remove = KEYS[1], { 'HSET', KEYS[1] }, { 'HDEL', KEYS[1] }
    local found = call('TYPE', key).ok
    if found ~= 'hash' and found ~= 'none' then return 0 end
    for i = 2, #ARGV, 2 do
        if ARGV[i + 1] ~= '' then
            write[#write + 1], write[#write + 2] = ARGV[i], ARGV[i + 1]
        else
            remove[#remove + 1] = ARGV[i]
        end
    end
    if remove[3] then call(unpack(remove)) end
    if not write[3] then return 1 end
    -- Asked here, as the removal may have been that of the last field.
    local existed = call('EXISTS', key) == 1
    call(unpack(write))
    -- A key that lives for ever continues to.
    if existed then call('PEXPIREAT', key, ARGV[1], 'GT') else call('PEXPIREAT', key, ARGV[1]) end
    return 1
end
