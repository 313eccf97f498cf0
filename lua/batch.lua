-- batch.lua: applies a batch of operations (CHECK, PEEK, RECORD, REFUND, RESERVE, COMMIT, CANCEL) in order, all of it or nothing.
--
-- KEYS     the distinct scopes' hashes; an operation names a scope by its place here. Then marks (marks.lua). Then, where the batch has a
--          sequence, its producer's key
-- ARGV[1]  cmsgpack: clock, prefix, ids, sent, scopes, operations, texts, sequence, waiting
--            clock       0 is Redis's own; tests pass Unix ms
--            prefix      how many bytes stand before a scope's text in its key
--            ids, sent   the limit sets: their ids, and by the same places what they say, or nothing where they are known (sets.lua)
--            scopes      per key: place of its limit set, and 'provider=openai', the label under which other scopes' history counts
--                        what it had a part in, or 0
--            operations  flat; each: verb, count, (meter, amount) × count, count, scope × count (each scope once)
--                        verb 1 CHECK, 2 PEEK, 3 RECORD, 4 REFUND, 5 RESERVE, 6 COMMIT, 7 CANCEL; 0 is a CHECK of one request that
--                        names no other amount, and has neither the first count nor amounts. Then, for
--                          8 RECORD, 9 REFUND:        place of the mark's key, from 1, of one that counts once, or 0; time, pages
--                          RESERVE:                   text of the hold, its time to live in ms, place of the mark's key
--                          COMMIT, CANCEL:            text of the hold, hits consumed, when it was made and when it ends (Unix ms),
--                                                     place of the mark's key, time, pages. Made 0: a CANCEL of what was perhaps
--                                                     never reserved, with its time to live for the end
--                        time   when it was used (Unix ms); 0 is now. What belongs to a period that is over, by that or by when a
--                               reservation was made, counts in the history of that day, and for ever
--                        pages  text, or 0 for none: of each scope, with semicolons between, that day and its month, as
--                               '2026-11-20 1795219200000 2026-11 1795219200000': ids and ends; - for one without history
--            texts       of holds (holds.lua), or 0 for none; an operation names one by its place here
--            sequence    0, or the batch's number among its producer's: a batch whose number has been applied already is not applied
--                        again, so that one whose reply was lost can be sent once more
--            waiting     0, or (scope, meter, amount) × count: used, but not counted yet. Decisions take it for held
-- Reply    cmsgpack { status, now, answer, answer, … }, flat; what is used is a number, or past 2^53 its text
--            status  1: applied
--                    0: a calendar does not hold now; 4: a limit set is unknown; 5: days that are over had to be moved first, which
--                    was much for one call. Nothing was applied: to be sent again, for that time; with all sets; as it is
--                    2: was applied before, there are no answers; 3: the same, but for operations that met a broken key
--            answer  1, scope, limit, used, resets in ms    ALLOW; the tightest limit, or all 0 where none applies
--                    2, scope, limit, used, retry in ms     DENY; the limit that refuses longest; -1: waiting won't help
--                    3                                      OK
--                    4, scope                               that scope's key is not a hash; nothing of this was applied
--                    5                                      OK, but was done before; nothing was changed
--                    6                                      OK, though the hold had ended before, or was cancelled
--                    7, scope                               RESERVE: more is held of it than can be counted exactly
--                    8                                      was done before for other amounts; nothing was changed
--                    1 and 2 come with 20 added where reservations hold something of the limit: the amount follows the code. 1 to 6
--                    come with 10 added where extras follow: count, (scope, limit) × count: shadow limits that would have denied;
--                    count, (scope, limit, used) × count: limits past a threshold
--          Behind the last answer notices may follow, to whoever publishes them:
--                    1, scope, limit, used, held, count, scope × count   a refusal, of a request about these scopes
--                    2, scope, count, item × count                       what has not been published of alerts (alerts/outbox.lua)
-- O(scopes × limits + operations × their limits). Each scope is read once, and written once if anything changed.
--
-- Every decision is made on Lua tables; writing starts when all are made. The first write meets the refusal of a Redis that has no memory
-- left or may not write, and ends the call. So a batch that fails has changed nothing. Moving a day that is over comes before the
-- decisions, and is whole by itself.
-- @function
-- @include lib/clock
-- @include lib/exact
-- @include batch/alerts
-- @include batch/answers
-- @include batch/counters
-- @include batch/current
-- @include batch/days
-- @include batch/decisions
-- @include batch/history
-- @include batch/holds
-- @include batch/labels
-- @include batch/marks
-- @include batch/plain
-- @include batch/rankings
-- @include batch/refusals
-- @include batch/reservations
-- @include batch/scope
-- @include batch/sets
-- @include batch/today

local PLAIN_CHECK, CHECK, PEEK, RECORD, REFUND, RESERVE, COMMIT, CANCEL, RECORD_WITH, REFUND_WITH =
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9
local APPLIED_BEFORE, APPLIED_BEFORE_IN_PART, AGAIN = 2, 3, 5
local REQUESTS, CONCURRENT = sets.REQUESTS, sets.CONCURRENT
-- How long a producer is remembered: longer than any outage after which its last batch may come again.
local PRODUCER_KEPT = 31 * 86400000
-- Fields in a command: Lua's stack is bounded.
local MAX_AT_ONCE = 1000
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local match, format, min = string.match, string.format, math.min
local mpack, munpack = cmsgpack.pack, cmsgpack.unpack

local function status_of(status) return mpack({ status, current.now }) end

-- Reading ---------------------------------------------------------------------------------------------------------------------------------

-- How many items follow the scopes of an operation.
local TERMS = { [RESERVE] = 3, [COMMIT] = 7, [CANCEL] = 7, [RECORD_WITH] = 3, [REFUND_WITH] = 3 }

local ADDED = { [CHECK] = true, [RECORD] = true, [RECORD_WITH] = true, [RESERVE] = true, [COMMIT] = true }

-- Reads the operation at a place into `current`. Returns its verb, and the places of what follows its scopes and of the next operation.
local function read_operation(operations, at)
    local verb, asked, named = operations[at], current.asked, current.named
    at = at + 1
    if verb ~= PLAIN_CHECK then
        for meter = REQUESTS, CONCURRENT do asked[meter] = nil end
        for i = at + 1, at + 2 * operations[at], 2 do asked[operations[i]] = operations[i + 1] end
        at = at + 2 * operations[at] + 1
    end
    local count = operations[at]
    for i = 1, count do named[i] = operations[at + i] end
    current.count = count
    at = at + count + 1
    return verb, at, at + (TERMS[verb] or 0)
end

local meters = {} -- reused

-- Lets the operation's scopes read what it will add to in their history.
local function expect_amounts(verb)
    if not ADDED[verb] then return end
    local count = 0
    for meter = REQUESTS, sets.COST do
        local amount = current.asked[meter]
        if amount and amount > 0 and (meter == REQUESTS or verb ~= CHECK and verb ~= RESERVE) then
            count = count + 1
            meters[count] = meter
        end
    end
    for i = count + 1, #meters do meters[i] = nil end
    if count > 0 then today.expect(meters) end
end

-- Counts the plain CHECKs of each scope, and finds out what the operations will need of the scopes' history. Returns at which operation
-- the first one takes something back.
local function look_over(operations, keeps_history)
    local at, last, first_taking = 1, #operations, math.huge
    local expected = plain.expected
    while at <= last do
        if operations[at] == PLAIN_CHECK then
            local from, to = at + 2, at + 1 + operations[at + 1]
            for i = from, to do expected[operations[i]] = expected[operations[i]] + 1 end
            if keeps_history then today.expect_check(operations, from, to, at < first_taking and 1 or 0) end
            at = to + 1
        else
            local verb, _, next_at = read_operation(operations, at)
            if keeps_history then expect_amounts(verb) end
            if not ADDED[verb] and verb ~= PEEK then first_taking = min(first_taking, at) end
            at = next_at
        end
    end
    if keeps_history then today.expect_together() end
    return first_taking
end

-- The reply to an HMGET of any length.
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

-- Reads a scope. Returns a day that has to be moved first; nil for none.
local function read_scope(place, state)
    local set = state.set
    local read, length = set.read, set.read_size
    if set.history then length = today.list_fields(state, read, length) end
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
    if not (set.is_simple and plain.expected[place] > 0 and not (found[held_at] or found[held_at + 1] or found[held_at + 2])
        and not state.waiting and plain.read(place, state, found))
    then
        scope.parse(state, found)
        if state.held then holds.read(state) end
    end
    if set.history then return today.open(state) end
end

-- Denied half way, writes would be taken for applied when they are sent again.
local function may_write()
    local may, key = redis.acl_check_cmd, current.keys[1]
    return may('SET', key, '1') and may('HSET', key, 'a', '1') and may('HINCRBY', key, 'a', '1')
        and may('HDEL', key, 'a') and may('PEXPIREAT', key, '1') and may('PERSIST', key) and may('ZADD', key, '1', 'a')
end

local function no_permission()
    return redis.error_reply('NOPERM this user has no permissions to run every command that counts')
end

-- Applying --------------------------------------------------------------------------------------------------------------------------------

-- RECORD and REFUND. mark is that of one that counts once, or 0; time and pages as in the operation.
local function settle(verb, mark, time, pages)
    local asked = current.asked
    if mark > 0 then
        local known = marks.of(mark)
        local text = format('%d %d %d %d %d', asked[1] or 0, asked[2] or 0, asked[3] or 0, asked[4] or 0, asked[5] or 0)
        if known then
            return answers.answer((known == text or known == marks.UNNAMED) and answers.DUPLICATE or answers.CONFLICT)
        end
        marks.set(mark, text, marks.KEPT)
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
    history.add_amounts(verb == REFUND, used_at or current.now, pages)
    if verb == RECORD then answers.note_warnings() end
    return answers.answer(answers.OK)
end

-- terms: the place of what follows the operation's scopes.
local function apply(verb, operations, terms, texts)
    if verb <= PEEK then return decisions.decide(verb) end
    if verb <= REFUND then return settle(verb, 0, 0, false) end
    local first, second, third = unpack(operations, terms, terms + 2)
    if verb == RESERVE then return reservations.reserve(texts[first], second, third) end
    if verb == RECORD_WITH then return settle(RECORD, first, second, third > 0 and texts[third]) end
    if verb == REFUND_WITH then return settle(REFUND, first, second, third > 0 and texts[third]) end
    local ends, mark, time, pages = unpack(operations, terms + 3, terms + 6)
    return reservations.settle(verb, texts[first], second, third, ends, mark, time, pages > 0 and texts[pages])
end

-- The place of a scope of the operation whose key is broken; nil for none.
local function broken_place()
    for i = 1, current.count do
        if current.scopes[current.named[i]].broken then return current.named[i] end
    end
end

-- Decides a plain CHECK that something may come of besides counting. Returns whether it passes, and whether a scope's key was broken.
local function check_one(operations, at, met_broken)
    read_operation(operations, at)
    local broken = broken_place()
    if broken then
        answers.fault(answers.BROKEN, broken)
        return false, true
    end
    for i = 1, current.count do plain.settle(current.named[i]) end
    for meter = REQUESTS, CONCURRENT do current.asked[meter] = nil end
    current.asked[REQUESTS] = 1
    return decisions.decide(PLAIN_CHECK), met_broken
end

-- first_taking: from that operation on plain CHECKs are counted when they pass. Returns whether a scope's key was broken.
local function apply_all(operations, texts, first_taking)
    local at, last, met_broken = 1, #operations, false
    while at <= last do
        if operations[at] == PLAIN_CHECK then
            local to = at + 1 + operations[at + 1]
            local is_counted = at < first_taking
            if not plain.pass(operations, at + 2, to) then
                local passes
                passes, met_broken = check_one(operations, at, met_broken)
                if is_counted and not passes then today.correct_check(-1) end
                is_counted = is_counted or not passes
            end
            if not is_counted then
                read_operation(operations, at)
                today.correct_check(1)
            end
            at = to + 1
        else
            local verb, terms, next_at = read_operation(operations, at)
            local broken = broken_place()
            if broken then
                met_broken = true
                answers.fault(answers.BROKEN, broken)
            else
                for i = 1, current.count do plain.settle(current.named[i]) end
                apply(verb, operations, terms, texts)
            end
            at = next_at
        end
    end
    return met_broken
end

-- Writing ---------------------------------------------------------------------------------------------------------------------------------

local write = { 'HSET' } -- reused

local function send_fields(key, length)
    if length <= 2 * MAX_AT_ONCE + 2 then
        write[2] = key
        call(unpack(write, 1, length))
        return
    end
    for first = 3, length, 2 * MAX_AT_ONCE do
        call('HSET', key, unpack(write, first, min(first + 2 * MAX_AT_ONCE - 1, length)))
    end
end

-- hits: plain CHECKs that are not in the counters yet.
local function write_scope(state, hits)
    local set, key = state.set, state.key
    local length, has_moved, large, expires, increase_page = 2, false, nil, 0, nil
    if state.changed then
        if hits > 0 then counters.consume_hits(state, hits) end
        length, has_moved, large = counters.list_changes(state, write, length)
    elseif hits > 0 and set.counted[1] then
        if state.texts then -- near what a double holds
            counters.consume_hits(state, hits)
            if state.changed then length, has_moved, large = counters.list_changes(state, write, length) end
        else
            length, has_moved = counters.list_hits(state, hits, write, length)
        end
    end
    if set.history then length, expires, increase_page = today.list(state, write, length) end
    local held = state.held
    local has_held = held and held.changed
    if length > 2 or large or increase_page or has_held then
        -- Known without asking where a counter or a day was found.
        local existed = not state.created or state.day ~= nil or call('EXISTS', key) == 1
        if length > 2 then send_fields(key, length) end
        if large then counters.increase(state, large) end
        if increase_page then increase_page() end
        if has_moved or expires > 0 then counters.set_expiry(state, existed, expires) end
        if has_held then holds.write(state, existed or has_moved or expires > 0) end
    end
end

-- The same where nothing came of a scope that was there before but plain CHECKs.
local function write_hits(state, hits)
    local length = 2
    if state.requests > 0 then
        local day = state.day
        if not day then return write_scope(state, hits) end
        local values
        length, values = today.list_checks(state, day, write, length)
        if not length then return write_scope(state, hits) end
        if values then length = today.list_values(day, values, write, length) end
    end
    local has_moved
    length, has_moved = counters.list_hits(state, hits, write, length)
    if length == 2 then return end
    write[2] = state.key
    call(unpack(write, 1, length))
    if has_moved then counters.set_expiry(state, true, 0) end
end

local function write_all(sequence, met_broken)
    if sequence > 0 then
        local applied = format(met_broken and '%d broken' or '%d', sequence)
        call('SET', current.keys[#current.keys], applied, 'PX', PRODUCER_KEPT)
    end
    local scopes = current.scopes
    for i = 1, #scopes do
        local state = scopes[i]
        if not state.broken then
            local hits = plain.hits[i]
            if hits > 0 and not (state.changed or state.created or state.texts or state.today or state.held) then
                write_hits(state, hits)
            else
                write_scope(state, hits)
            end
            -- Quiet hits reach no threshold.
            if state.alerts or state.outbox or state.set.warns and (hits == 0 or state.changed) then alerts.review(state) end
        end
    end
    marks.write()
    for i = 1, #scopes do
        if scopes[i].today or scopes[i].earlier then days.write_earlier(scopes[i]) end
    end
    rankings.write()
end

local function put_pending()
    for i = 1, #current.scopes do
        local pending = current.scopes[i].pending
        if pending then
            answers.put(2)
            answers.put(i)
            answers.put(#pending)
            for p = 1, #pending do answers.put(pending[p]) end
        end
    end
end

-- The call --------------------------------------------------------------------------------------------------------------------------------

local function begin(keys, now, prefix)
    current.keys, current.now, current.prefix, current.scopes = keys, now, prefix, {}
    labels.begin()
    marks.begin()
    refusals.begin()
    rankings.begin()
    today.begin()
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
        today.begin_scope(i, state)
        keeps_history = keeps_history or set.history
    end
    for i = 1, waiting ~= 0 and #waiting or 0, 3 do
        local state = scopes[waiting[i]]
        state.waiting = state.waiting or {}
        state.waiting[waiting[i + 1]] = waiting[i + 2]
    end
    plain.begin(#scopes)
    local first_taking = look_over(operations, keeps_history)
    local is_checked = false
    for i = 1, #scopes do
        local state = scopes[i]
        local over = read_scope(i, state)
        if over and is_read_only then
            today.forget(state)
        elseif over then
            if not is_checked and not may_write() then return no_permission() end
            is_checked = true
            if not days.move(state, over) then return status_of(AGAIN) end
            today.forget(state)
        end
    end
    answers.begin()
    local met_broken = apply_all(operations, texts, first_taking)
    if is_read_only then return mpack(answers.reply) end
    if sequence > 0 and not is_checked and not may_write() then return no_permission() end
    write_all(sequence, met_broken)
    refusals.put()
    put_pending()
    return mpack(answers.reply)
end
