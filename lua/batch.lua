-- batch.lua: applies a batch of operations (CHECK, PEEK, RECORD, REFUND, RESERVE, COMMIT, CANCEL) in order and atomically.
--
-- KEYS     the hashes of the distinct scopes, which operations name by index; then the idempotency keys (idempotency.lua); then the
--          producer's key, if the batch has a sequence number. Indices start at 1 everywhere
-- ARGV[1]  cmsgpack: clock, prefix, ids, sent, scopes, operations, texts, sequence, waiting
--            clock       0 for Redis's own; tests pass Unix ms
--            prefix      the length of a key before the scope's text, in bytes
--            ids, sent   the ids of the limit sets; and, at the same indices, the contents of those that Redis may not know (sets.lua)
--            scopes      per key: the index of its limit set; and the label ('provider=openai') under which the history of other scopes in
--                        its operations is split, or 0 for none
--            operations  flat; each: verb, count, (meter, amount) × count, count, scope × count (each scope once)
--                        verb 1 CHECK, 2 PEEK, 3 RECORD, 4 REFUND, 5 RESERVE, 6 COMMIT, 7 CANCEL; 0 is a plain CHECK: of one request,
--                        without other amounts. It has neither the first count nor amounts. Then follow, for
--                          10 SWEEP:                  nothing; charges what has expired (charges.lua)
--                          8 RECORD, 9 REFUND:        index of the idempotency key, or 0 for none, plus 65536 times a digest of amounts
--                                                     without a meter; negative where the cost follows from prices; time, days
--                          RESERVE:                   text of the hold, its time to live in ms, index of the idempotency key
--                          COMMIT, CANCEL:            text of the hold, requests consumed, when the reservation was made and when it ends
--                                                     (Unix ms), index of the idempotency key, time, days. For a RESERVE of unknown
--                                                     outcome, a CANCEL has 0 for when it was made, and the time to live for its end
--                        time   when the usage occurred (Unix ms); 0 is now. Usage of a finished period, by this time or by when the
--                               reservation was made, counts only in that day's history and in limits without a period
--                        days   0 for none, or the index of a text: for each scope, separated by semicolons, the ids and ends of that day
--                               and its month, '2026-11-20 1795219200000 2026-11 1795219200000', or - for a scope without history
--            texts       the texts that operations name by index: holds (holds.lua) and days; 0 for none
--            sequence    0, or the number of the batch from its producer. A number that has been applied is not applied again, so
--                        that a batch whose reply was lost can be sent again
--            waiting     0, or (scope, meter, amount) × count: usage that is journaled but not counted yet. Decisions treat it as held
-- Reply    cmsgpack { status, now, answer, answer, … }, flat; used is a number, or past 2^53 its text
--            status  1: applied
--                    2: applied before, no answers follow; 3: the same, except for operations that met a broken key
--                    0, 4, 5: nothing was applied, and the batch must be sent again. 0: with calendars that cover the time. 4: with all
--                    limit sets, because one is unknown. 5: unchanged, because one call could not move all finished days
--            answer  1, scope, limit, used, resets in ms    ALLOW; the tightest limit, or all 0 where no limit applies
--                    2, scope, limit, used, retry in ms     DENY; the limit with the longest wait; -1: waiting does not help
--                    3                                      OK
--                    4, scope                               the scope's key is not a hash; the operation was not applied
--                    5                                      OK, a duplicate; nothing was changed
--                    6                                      OK, but the hold had ended or was cancelled
--                    7, scope                               RESERVE: the scope's held amount would exceed exact numbers
--                    8                                      the idempotency key was used with other amounts; nothing was changed
--                    9, scope                               RESERVE, SWEEP: a sorted set of the scope's reservations that are charged at
--                                                           their end cannot be written; nothing was held or charged
--                    20 is added to 1 and 2 where reservations hold part of the limit: the held amount follows the code. 10 is added to
--                    1 to 6 where extras follow: count, (scope, limit) × count: shadow limits that would have denied;
--                    count, (scope, limit, used) × count: limits past a threshold
--          Notices for the sidecar to publish may follow the last answer:
--                    1, scope, limit, used, held, count, scope × count   a request that a limit refused, or a shadow limit would have refused, with its scopes
--                    2, scope, count, item × count                       unpublished items of the scope's outbox (alerts/outbox.lua)
-- O(scopes × limits + operations × their limits). Each scope is read once, and written once if anything changed.
--
-- Decisions are made on Lua tables; writing starts when all have been made. A Redis without memory, or one that rejects writes, fails the
-- first write and ends the call. So a batch that fails has changed nothing. Finished days are moved before the decisions, and each move is
-- complete in itself.
-- @function
-- @include lib/clock
-- @include batch/answers
-- @include batch/charges
-- @include batch/counters
-- @include batch/current
-- @include batch/days
-- @include batch/decisions
-- @include batch/expected
-- @include batch/history
-- @include batch/holds
-- @include batch/idempotency
-- @include batch/labels
-- @include batch/operation_list
-- @include batch/plain
-- @include batch/rankings
-- @include batch/refusals
-- @include batch/reservations
-- @include batch/scope
-- @include batch/sets
-- @include batch/today
-- @include batch/writing

local PLAIN_CHECK, PEEK, RECORD, REFUND, RESERVE, RECORD_WITH, REFUND_WITH, SWEEP =
    operation_list.PLAIN_CHECK, operation_list.PEEK, operation_list.RECORD, operation_list.REFUND, operation_list.RESERVE,
    operation_list.RECORD_WITH, operation_list.REFUND_WITH, operation_list.SWEEP
local APPLIED_BEFORE, APPLIED_BEFORE_IN_PART, AGAIN = 2, 3, 5
local REQUESTS, CONCURRENT = sets.REQUESTS, sets.CONCURRENT
-- The number of fields in a command: Lua's stack is bounded.
local MAX_AT_ONCE = 1000
-- The factor of the digest in the index of an idempotency key.
local DIGESTS = 65536
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local match, format, min, abs = string.match, string.format, math.min, math.abs
local mpack, munpack = cmsgpack.pack, cmsgpack.unpack
local read_operation = operation_list.read

local function status_of(status) return mpack({ status, current.now }) end

-- Reading ---------------------------------------------------------------------------------------------------------------------------------

-- Returns the reply to an HMGET of any length.
local function read_fields(read, length)
    if length <= MAX_AT_ONCE then return pcall(unpack(read, 1, length)) end
    local all = {}
    for first = 3, length, MAX_AT_ONCE do
        local last = min(first + MAX_AT_ONCE - 1, length)
        local found = pcall('HMGET', read[2], unpack(read, first, last))
        if found.err then return found end
        for i = 1, last - first + 1 do all[first - 3 + i] = found[i] end
    end
    return all
end

local NOTHING = {}

-- Reads a scope. Returns a finished day that must be moved first; nil for none.
local function read_scope(index, state)
    local set = state.set
    local read, length = set.read, set.read_size
    if set.history then length = expected.list_fields(state, read, length) end
    if length == 2 then
        scope.parse(state, NOTHING)
        return nil
    end
    read[2] = state.key
    local found = read_fields(read, length)
    if found.err then
        state.broken = found.err
        return nil
    end
    local held_at = set.held_at
    if not (set.is_simple and plain.expected[index] > 0 and not (found[held_at] or found[held_at + 1] or found[held_at + 2])
        and not state.waiting and plain.read(index, state, found))
    then
        scope.parse(state, found)
        if state.held then holds.read(state) end
    end
    if set.history then return today.find_day(state) end
end

-- Checks all write permissions up front. A batch denied half way would count as applied when it is sent again.
local function may_write()
    local may, key = redis.acl_check_cmd, current.keys[1]
    return may('SET', key, '1') and may('HSET', key, 'a', '1') and may('HINCRBY', key, 'a', '1')
        and may('HDEL', key, 'a') and may('PEXPIREAT', key, '1') and may('PERSIST', key) and may('ZADD', key, '1', 'a')
end

local function no_permission()
    return redis.error_reply('NOPERM this user has no permissions to run every command that counts')
end
-- Applying --------------------------------------------------------------------------------------------------------------------------------

-- Applies a RECORD or REFUND. idempotency_key, time, past_days: as in the operation.
local function record_or_refund(verb, idempotency_key, time, past_days)
    local asked = current.asked
    if idempotency_key ~= 0 then
        local is_priced, number = idempotency_key < 0, abs(idempotency_key)
        idempotency_key = number % DIGESTS
        local known = idempotency.text(idempotency_key)
        local text = idempotency.text_of(asked, (number - idempotency_key) / DIGESTS, is_priced)
        if known then
            return answers.answer(idempotency.is_same(known, text) and answers.DUPLICATE or answers.CONFLICT)
        end
        idempotency.set(idempotency_key, text, idempotency.RETENTION)
    end
    local used_at = time > 0 and time < current.now and time or nil
    for i = 1, current.count do
        local state = current.scopes[current.named[i]]
        if verb == RECORD then
            counters.consume(state, asked, used_at, used_at)
        else
            counters.give_back(state, asked, used_at)
        end
    end
    history.add_amounts(verb == REFUND, used_at or current.now, past_days)
    if verb == RECORD then answers.note_warnings() end
    return answers.answer(answers.OK)
end

-- Applies the current operation. terms: the index of the items after its scopes.
local function apply(verb, operations, terms, texts)
    if verb <= PEEK then return decisions.decide(verb) end
    if verb <= REFUND then return record_or_refund(verb, 0, 0, false) end
    if verb == SWEEP then return reservations.sweep() end
    local first, second, third = unpack(operations, terms, terms + 2)
    if verb == RESERVE then return reservations.reserve(texts[first], second, third) end
    if verb == RECORD_WITH then return record_or_refund(RECORD, first, second, third > 0 and texts[third]) end
    if verb == REFUND_WITH then return record_or_refund(REFUND, first, second, third > 0 and texts[third]) end
    local ends, idempotency_key, time, past_days = unpack(operations, terms + 3, terms + 6)
    return reservations.finish(verb, texts[first], second, third, ends, idempotency_key, time,
        past_days > 0 and texts[past_days])
end

-- Returns the index of a scope of the current operation whose key is broken; nil for none.
local function broken_scope()
    for i = 1, current.count do
        if current.scopes[current.named[i]].broken then return current.named[i] end
    end
end

-- Decides a plain CHECK that may do more than count. Returns whether it passes, and whether a scope's key was broken.
local function check_one(operations, at, met_broken)
    read_operation(operations, at)
    local broken = broken_scope()
    if broken then
        answers.fault(answers.BROKEN, broken)
        return false, true
    end
    for i = 1, current.count do plain.flush(current.named[i]) end
    for meter = REQUESTS, CONCURRENT do current.asked[meter] = nil end
    current.asked[REQUESTS] = 1
    return decisions.decide(PLAIN_CHECK), met_broken
end

-- Applies all operations. Returns whether a scope's key was broken. first_taking: the index of the first operation that takes something
-- back; plain CHECKs after it are counted in the history when they pass.
local function apply_all(operations, texts, first_taking)
    local at, last, met_broken = 1, #operations, false
    while at <= last do
        if operations[at] == PLAIN_CHECK then
            local to = at + 1 + operations[at + 1]
            local is_counted = at < first_taking
            if not plain.pass(operations, at + 2, to) then
                local passes
                passes, met_broken = check_one(operations, at, met_broken)
                if is_counted and not passes then expected.correct(-1) end
                is_counted = is_counted or not passes
            end
            if not is_counted then
                read_operation(operations, at)
                expected.correct(1)
            end
            at = to + 1
        else
            local verb, terms, next_at = read_operation(operations, at)
            local broken = broken_scope()
            if broken then
                met_broken = true
                answers.fault(answers.BROKEN, broken)
            else
                for i = 1, current.count do plain.flush(current.named[i]) end
                apply(verb, operations, terms, texts)
            end
            at = next_at
        end
    end
    return met_broken
end
-- The call --------------------------------------------------------------------------------------------------------------------------------

local function begin(keys, now, prefix)
    current.keys, current.now, current.prefix, current.scopes = keys, now, prefix, {}
    labels.begin()
    idempotency.begin()
    refusals.begin()
    rankings.begin()
    expected.begin()
    days.begin()
end

return function(keys, argv, is_read_only)
    local fixed, prefix, ids, sent, sent_scopes, operations, texts, sequence, waiting = munpack(argv[1])
    begin(keys, clock.now(fixed), prefix)
    if sequence > 0 then
        local applied, broken = match(call('GET', keys[#keys]) or '', '^(%d+)( ?)')
        applied = tonumber(applied) or 0
        if applied >= sequence then
            return status_of(applied == sequence and broken == ' ' and APPLIED_BEFORE_IN_PART or APPLIED_BEFORE)
        end
    end
    local limit_sets, status = sets.all(ids, sent, current.now)
    if not limit_sets then return status_of(status) end
    local scopes, keeps_history = current.scopes, false
    for i = 1, #sent_scopes / 2 do
        local set, label = limit_sets[sent_scopes[2 * i - 1]], sent_scopes[2 * i]
        local state = scope.new(keys[i], set, label ~= 0 and labels.named(label) or false)
        scopes[i] = state
        expected.begin_scope(i, state)
        keeps_history = keeps_history or set.history
    end
    for i = 1, waiting ~= 0 and #waiting or 0, 3 do
        local state = scopes[waiting[i]]
        state.waiting = state.waiting or {}
        state.waiting[waiting[i + 1]] = waiting[i + 2]
    end
    plain.begin(#scopes)
    local first_taking = operation_list.scan(operations, keeps_history)
    local is_checked = false
    for i = 1, #scopes do
        local state = scopes[i]
        local finished_day = read_scope(i, state)
        if finished_day and is_read_only then
            today.clear(state)
        elseif finished_day then
            if not is_checked and not may_write() then return no_permission() end
            is_checked = true
            if not days.move(state, finished_day) then return status_of(AGAIN) end
            today.clear(state)
        end
        if state.charged and not is_read_only then charges.add_to_history(state) end
    end
    answers.begin()
    local met_broken = apply_all(operations, texts, first_taking)
    if is_read_only then return mpack(answers.reply) end
    if sequence > 0 and not is_checked and not may_write() then return no_permission() end
    writing.write_all(sequence, met_broken)
    refusals.put()
    writing.put_pending()
    return mpack(answers.reply)
end
