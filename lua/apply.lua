-- apply.lua: the end of batch.lua: goes through the operations, then writes what has changed, and replies.

-- How many items follow the scopes of an operation past REFUND.
local function term_count(verb)
    if verb == RESERVE then return 3 end
    return verb >= RECORD_WITH and 3 or 7
end

-- terms: the place of what follows the operation's scopes.
local function apply(verb, terms)
    if verb <= PEEK then return decide(verb) end
    if verb <= REFUND then return settle(verb, 0, 0, 0) end
    local first, second, third = unpack(operations, terms, terms + 2)
    if verb == RECORD_WITH then return settle(RECORD, first, second, third) end
    if verb == REFUND_WITH then return settle(REFUND, first, second, third) end
    if verb == RESERVE then return reserve(texts[first], second, third) end
    return settle_reservation(verb, texts[first], second, third, unpack(operations, terms + 3, terms + 6))
end

local met_broken = false
local at, last = 1, #operations
while at <= last do
    local verb = operations[at]
    local is_plain = verb == PLAIN_CHECK
    for meter = REQUESTS, CONCURRENT do asked[meter] = nil end
    if is_plain then
        at = at + 1
    else
        local count = operations[at + 1]
        at = at + 2
        for _ = 1, count do
            asked[operations[at]] = operations[at + 1]
            at = at + 2
        end
    end
    named_count = operations[at]
    local broken
    for i = 1, named_count do
        local place = operations[at + i]
        named[i] = place
        if scopes[place].broken then broken = place end
    end
    at = at + named_count + 1
    local terms = at
    if verb > REFUND then at = at + term_count(verb) end
    if broken then
        met_broken = true
        put_fault(BROKEN, broken)
    elseif not (is_plain and pass_quietly()) then
        for i = 1, named_count do count_hits(scopes[named[i]]) end
        if is_plain then
            asked[REQUESTS] = 1
            decide(CHECK)
        else
            apply(verb, terms)
        end
    end
end

-- Writing ------------------------------------------------------------------------------------------------------------

if sequence > 0 then
    -- Denied half way, facts would be taken for applied when they are sent again.
    local may, key = redis.acl_check_cmd, KEYS[1]
    if not (may('SET', key, '1') and may('HSET', key, 'a', '1') and may('HINCRBY', key, 'a', '1') and may('HDEL', key, 'a')
        and may('PEXPIREAT', key, '1') and may('PERSIST', key) and may('ZADD', key, '1', 'a')) then
        return redis.error_reply('NOPERM this user has no permissions to run every command that counts')
    end
    local applied = format(met_broken and '%d broken' or '%d', sequence)
    call('SET', KEYS[#KEYS], applied, 'PX', PRODUCER_KEPT)
end
for i = 1, #scopes do
    local state = scopes[i]
    if not state.broken then count_hits(state) end
    if not is_read_only and (state.changed or state.held and state.held.changed) then write_scope(state) end
    if not state.broken then review_alerts(state) end
end
for i = 1, #marks_to_write do
    local mark, kept = unpack(marks_to_write[i])
    call('SET', KEYS[scope_count + mark], marked[mark], 'PX', format('%d', kept))
end
spread_requests(scopes)
for i = 1, #scopes do
    pages.write(scopes[i])
    for _, day in pairs(scopes[i].earlier or {}) do pages.write_earlier(day) end
end
rankings.write()
put_notices()
return cmsgpack.pack(reply)
