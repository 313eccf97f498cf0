-- policy/scope_index.lua: two sorted sets, by which administrators list the settings of scopes: the scopes with limits,
-- all with score 0, and the scopes with an override, by the end of the override in Unix ms. An override that has ended
-- leaves its set at the next update.
-- @include policy/items

local call = redis.call

local scope_index = {}

-- Makes the entries of a scope fit its settings, which are a hash.
function scope_index.update(settings, scope, limits_index, overrides_index, now)
    local stored = call('HMGET', settings, 'limits', 'override')
    if stored[1] then call('ZADD', limits_index, '0', scope) else call('ZREM', limits_index, scope) end

    local override = items.parse(stored[2])
    local ends = override and items.milliseconds(override.value.expires_at)
    if ends then call('ZADD', overrides_index, ends, scope) else call('ZREM', overrides_index, scope) end
    call('ZREMRANGEBYSCORE', overrides_index, '-inf', now)
end

return scope_index
