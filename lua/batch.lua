-- batch.lua: applies a batch of operations (CHECK, PEEK, RECORD, REFUND, RESERVE, COMMIT, CANCEL) in order, all of it or
-- nothing.
--
-- KEYS     the distinct scopes' hashes; an operation names a scope by its place here. Then marks: keys that exist once an
--          operation that is to count once has been applied. Then, where the batch has a sequence, its producer's key
-- ARGV[1]  cmsgpack: clock, limit sets, scopes, operations, texts, sequence, waiting, prefix
--            clock       0 is Redis's own; tests pass Unix ms
--            limit sets  see window.lua
--            scopes      per key: place of its limit set, and 'provider=openai', the label under which other scopes'
--                        history counts what it had a part in, or 0
--            operations  flat; each: verb, count, (meter, amount) × count, count, scope × count (each scope once)
--                        verb 1 CHECK, 2 PEEK, 3 RECORD, 4 REFUND, 5 RESERVE, 6 COMMIT, 7 CANCEL; 0 is a CHECK of one
--                        request that names no other amount, and has neither the first count nor amounts. Then, for
--                          8 RECORD, 9 REFUND:        place of the mark's key, from 1, of one that counts once, or 0; time, pages
--                          RESERVE:                   text of the hold, its time to live in ms, place of the mark's key
--                          COMMIT, CANCEL:            text of the hold, hits consumed, when it was made and when it ends
--                                                     (Unix ms), place of the mark's key, time, pages. Made 0: a CANCEL of
--                                                     what was perhaps never reserved, with its time to live for the end
--                        time   when it was used (Unix ms); 0 is now. What belongs to a period that is over, by that or by when
--                               a reservation was made, counts in the history of that day, and for ever
--                        pages  text, or 0 for none: of each scope, with semicolons between, that day and its month, as
--                               '2026-11-20 1795219200000 2026-11 1795219200000': ids and ends; - for one without history
--            texts       of holds (holds.lua), or 0 for none; an operation names one by its place here
--            sequence    0, or the batch's number among its producer's: a batch whose number has been applied already is
--                        not applied again, so that one whose reply was lost can be sent once more
--            waiting     0, or (scope, meter, amount) × count: used, but not counted yet. Decisions take it for held
--            prefix      the number of bytes in front of the scope in each scope's key
-- Reply    cmsgpack { status, now, answer, answer, … }, flat; what is used is a number, or past 2^53 its text
--            status  1: applied; 0: a calendar does not hold now, nothing was applied, send again for that time; 2: was
--                    applied before, there are no answers; 3: the same, but for operations that met a broken key
--            answer  1, scope, limit, used, resets in ms    ALLOW; the tightest limit, or all 0 where none applies
--                    2, scope, limit, used, retry in ms     DENY; the limit that refuses longest; -1: waiting won't help
--                    3                                      OK
--                    4, scope                               that scope's key is not a hash; nothing of this was applied
--                    5                                      OK, but was done before; nothing was changed
--                    6                                      OK, though the hold had ended before, or was cancelled
--                    7, scope                               RESERVE: more is held of it than can be counted exactly
--                    8                                      was done before for other amounts; nothing was changed
--                    1 and 2 come with 20 added where reservations hold something of the limit: the amount follows
--                    the code. 1 to 6 come with 10 added where extras follow: count, (scope, limit) × count: shadow limits
--                    that would have denied; count, (scope, limit, used) × count: limits past a threshold
--          Behind the last answer notices may follow, to whoever publishes them (notices.lua):
--                    1, scope, limit, used, held, count, scope × count   a refusal, of a request about these scopes
--                    2, scope, text                                      items of what has not been published
-- O(scopes × limits + operations × their limits). Each scope is read once, and written once if anything changed.
--
-- Every decision is made on Lua tables; writing starts when all are made. The first write meets the refusal of a Redis that
-- has no memory left or may not write, and ends the call. So a batch that fails has changed nothing.

local PLAIN_CHECK, CHECK, PEEK, RECORD, REFUND, RESERVE, COMMIT, CANCEL, RECORD_WITH, REFUND_WITH =
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9
local UNKNOWN = 0 -- in place of the time when a reservation was made
local ALLOW, DENY, OK, BROKEN, DUPLICATE, LATE, OVERFULL, CONFLICT, EXTRAS, HELD = 1, 2, 3, 4, 5, 6, 7, 8, 10, 20
local NEVER = -1
local NOT_TESTED = -math.huge
-- The marks of reservations; those of a RECORD and a REFUND are its amounts, or as older versions have left them, which say
-- nothing of them.
local COMMITTED, CANCELLED, UNNAMED = 'committed', 'cancelled', '1'
-- How long what is to count once is remembered.
local ONCE_KEPT = 86400000
-- How long a producer is remembered: longer than any outage after which its last batch may come again.
local PRODUCER_KEPT = 31 * 86400000

local clock, sent_sets, sent_scopes, operations, texts, sequence, waiting, prefix = cmsgpack.unpack(ARGV[1])
rankings.prefix = prefix
local now = clock_now(clock)
if sequence > 0 then
    local applied, broken = match(call('GET', KEYS[#KEYS]) or '', '^(%d+)( ?)')
    applied = tonumber(applied) or 0
    if applied >= sequence then return cmsgpack.pack({ applied == sequence and broken == ' ' and 3 or 2, now }) end
end

local sets = {}
for i = 1, #sent_sets do
    sets[i] = prepare_set(sent_sets[i], now)
    if not sets[i] then return cmsgpack.pack({ 0, now }) end
end
local scopes = {}
local in_history, keeps_history = {}, false -- in_history[place]: whether the scope has a history, or a label
local scope_count = #sent_scopes / 2
for i = 1, scope_count do
    local state = load_scope(KEYS[i], sets[sent_scopes[2 * i - 1]], now)
    if state.held then read_holds(state, now) end
    local label = sent_scopes[2 * i]
    state.label = label ~= 0 and label
    scopes[i], in_history[i] = state, label ~= 0 or state.set.day ~= nil
    keeps_history = keeps_history or state.set.day ~= nil
end
if not keeps_history then in_history = {} end
for i = 1, waiting ~= 0 and #waiting or 0, 3 do
    local state = scopes[waiting[i]]
    state.waiting = state.waiting or {}
    state.waiting[waiting[i + 1]] = waiting[i + 2]
end

local reply = { 1, now }
local size = 2
local asked = {}             -- asked[meter] of the operation at hand
local named, named_count = {}, 0 -- places of its scopes
local shadows, warnings = {}, {}
local marked, marks_to_write = {}, {} -- marked[key]: a mark's text, false where there is none; { key, ms to keep it }

local function texts_at(place) return place > 0 and texts[place] end

local function put(value)
    size = size + 1
    reply[size] = value
end

-- Of a limit, what counts and what is held; of concurrent ones the open reservations count.
local function used_and_held(scope, limit)
    local state = scopes[scope]
    local held = held_against(state, limit)
    if state.set.kind[limit] == OPEN then return held, 0 end
    return exact.used(state, limit), held
end

-- Counts what was really used in the history of a scope.
local function tally_amounts(state, add)
    for meter = REQUESTS, COST do
        if asked[meter] then add(state, meter, asked[meter], scopes, named, named_count) end
    end
end

-- Decisions ----------------------------------------------------------------------------------------------------------

-- Milliseconds until a limit that refuses now would let the same request pass if nobody else asked; NEVER if none.
local function retry_in(state, j, want)
    local set = state.set
    local kind, most = set.kind[j], set.max[j]
    if want > most or kind == REQUEST then return NEVER end
    -- What waits will count when it has been replayed.
    local used = state.used[j] + (state.waiting and state.waiting[set.meter[j]] or 0)
    if state.held and used + want <= most then return first_hold_ends_in(state, now) end
    if kind == TOTAL then return NEVER end
    if kind == CALENDAR then return end_of(state, j) - now end
    local excess = used + want - most
    local _, width, columns = parse_ring(ring_of(state, j))
    for i = #columns / width, 1, -1 do
        excess = excess - column(columns, width, i)
        if excess <= 0 then return leaves_in(set, j, i, now) end
    end
    return leaves_in(set, j, 0, now)
end

-- The first refusal of this batch by each limit: { place, limit, used, held, the places of the scopes asked about }.
local refusals = {}

local function note_refusal(state, place, j)
    local refused = state.refused or {}
    state.refused = refused
    if refused[j] then return end
    refused[j] = true
    local used, kept = used_and_held(place, j)
    refusals[#refusals + 1] = { place, j, used, kept, { unpack(named, 1, named_count) } }
end

-- The scope of a key between plus signs, single ones, as those within ids are double.
local function plussed(key) return '+' .. gsub(sub(key, prefix + 1), '%+%+', '\0') .. '+' end

-- Counts requests in the history of the scopes that have refused them, named by their places. user:alice+tool:search has none:
-- they count for user:alice and tool:search.
local function tally_denied(refusing, hits)
    local counts = {}
    for _, place in ipairs(refusing) do
        local joined = not scopes[place].set.day and plussed(scopes[place].key)
        for i = 1, named_count do
            local part = named[i]
            counts[part] = counts[part] or part == place or joined and find(joined, plussed(scopes[part].key), 1, true)
        end
    end
    for i = 1, named_count do
        if counts[named[i]] then tally_named(scopes[named[i]], DENIED, hits, scopes, named, named_count) end
    end
end

-- Decides CHECK, PEEK and RESERVE over every limit of every scope named. An amount that is not named, or is 0, is tested as
-- the smallest there is: there has to be something left. Only a RESERVE asks for a concurrent one. Fills shadows; returns
-- the refusing scope, limit and wait, or nil.
local function refusal(counts_denial)
    local scope, limit, wait, refusing
    for i = 1, named_count do
        local place = named[i]
        local state = scopes[place]
        local set, used, refuses = state.set, state.used, false
        for j = 1, set.size do
            local most, meter = set.max[j], set.meter[j]
            local want = asked[meter]
            if not want or want == 0 then want = meter == CONCURRENT and NOT_TESTED or 1 end
            if most >= 0 and used[j] + held_against(state, j) + want > most then
                if set.shadow[j] then
                    shadows[#shadows + 1] = place
                    shadows[#shadows + 1] = j
                else
                    refuses = true
                    if counts_denial then note_refusal(state, place, j) end
                    local its_wait = retry_in(state, j, want)
                    if not wait or (wait ~= NEVER and (its_wait == NEVER or its_wait > wait)) then
                        scope, limit, wait = place, j, its_wait
                    end
                end
            end
        end
        if refuses and counts_denial then
            refusing = refusing or {}
            refusing[#refusing + 1] = place
        end
    end
    if refusing then tally_denied(refusing, max(asked[REQUESTS] or 1, 1)) end
    return scope, limit, wait
end

-- The enforced limit of a scope with the least left as a share of its max, and that share, 2 where it has none; of
-- equals the first.
local function tightest_of(state)
    local set, used = state.set, state.used
    local limit, least = 0, 2
    for j = 1, set.size do
        local most = set.max[j]
        if most >= 0 and not set.shadow[j] and (set.counter[j] or asked[CONCURRENT] and set.kind[j] == OPEN) then
            local share = most == 0 and 0 or (most - used[j] - held_against(state, j)) / most
            if share < least then limit, least = j, share end
        end
    end
    return limit, least
end

local function tightest()
    local scope, limit, least = 0, 0, 2
    for i = 1, named_count do
        local its_limit, share = tightest_of(scopes[named[i]])
        if share < least then scope, limit, least = named[i], its_limit, share end
    end
    return scope, limit
end

local function find_warnings()
    for i = 1, named_count do
        local place = named[i]
        local state = scopes[place]
        local set, used = state.set, state.used
        for j = 1, set.warns and set.size or 0 do
            if set.warn[j] >= 0 and used[j] >= set.warn[j] then
                warnings[#warnings + 1] = place
                warnings[#warnings + 1] = j
                warnings[#warnings + 1] = used[j]
            end
        end
    end
end

-- Answers ------------------------------------------------------------------------------------------------------------

local function answer(status, scope, limit, milliseconds)
    local extras = #shadows > 0 or #warnings > 0
    if extras then status = status + EXTRAS end
    if scope and scope > 0 then
        local used, held = used_and_held(scope, limit)
        put(held > 0 and status + HELD or status)
        if held > 0 then put(held) end
        put(scope)
        put(limit)
        put(used)
        put(milliseconds)
    else
        put(status)
        for _ = 1, scope and 4 or 0 do put(0) end
    end
    if not extras then return end
    put(#shadows / 2)
    for i = 1, #shadows do put(shadows[i]) end
    put(#warnings / 3)
    for i = 1, #warnings do put(warnings[i]) end
    shadows, warnings = {}, {}
end

-- The answer to an operation that cannot be applied to a scope, and so is not applied to any.
local function put_fault(status, scope)
    if #shadows > 0 then shadows = {} end
    put(status)
    put(scope)
end

-- The scope of which this RESERVE would hold more than can be counted exactly; nil where there is none.
local function overfull()
    for i = 1, named_count do
        for meter = TOKENS, COST do
            if held_of(scopes[named[i]], meter) + (asked[meter] or 0) > LARGEST_EXACT then return named[i] end
        end
    end
end

-- hold and its ttl: those of a RESERVE.
local function decide(verb, hold, ttl)
    local hits = asked[REQUESTS] or 0
    local scope, limit, wait = refusal(verb ~= PEEK)
    if scope then return answer(DENY, scope, limit, wait) end
    if verb == RESERVE then
        local full = overfull()
        if full then return put_fault(OVERFULL, full) end
        for i = 1, named_count do add_hold(scopes[named[i]], hold, asked, now + ttl) end
    end
    if verb ~= PEEK and hits > 0 then
        for i = 1, named_count do consume(scopes[named[i]], { [REQUESTS] = hits }) end
        tally_requests(in_history, named, named_count, hits)
    end
    find_warnings()
    scope, limit = tightest()
    if scope == 0 then return answer(ALLOW, 0) end
    return answer(ALLOW, scope, limit, resets_in(scopes[scope], limit, now))
end

-- What is known of an operation that counts once; false where it has not been applied. A key of another kind is a mark too.
local function mark_of(mark)
    local text = marked[mark]
    if text == nil then
        text = pcall('GET', KEYS[scope_count + mark])
        if type(text) == 'table' then text = UNNAMED end
        marked[mark] = text
    end
    return text
end

-- kept: for how many ms.
local function set_mark(mark, text, kept)
    marked[mark] = text
    marks_to_write[#marks_to_write + 1] = { mark, kept }
end

-- A RESERVE. One that comes after it was cancelled was given up on its way.
local function reserve(hold, ttl, mark)
    if mark_of(mark) then return answer(DUPLICATE) end
    asked[CONCURRENT] = 1
    return decide(RESERVE, hold, ttl)
end

-- Counts amounts in the histories of the scopes named, in those of an earlier day where `time` (Unix ms) lies there. pages: the
-- text that names the days.
local function tally_all(add, time, pages)
    local next_page = pages and gmatch(pages, '[^;]+')
    for i = 1, named_count do
        local state, page = scopes[named[i]], next_page and next_page()
        local day = state.set.day and page and time < state.set.day_starts and history.earlier_day(state, page)
        tally_amounts(day or state, add)
    end
end

-- RECORD and REFUND. mark is that of one that counts once, or 0; time and pages as in the operation.
local function settle(verb, mark, time, pages)
    if mark > 0 then
        local known = mark_of(mark)
        local text = format('%d %d %d %d %d', asked[1] or 0, asked[2] or 0, asked[3] or 0, asked[4] or 0, asked[5] or 0)
        if known then return answer((known == text or known == UNNAMED) and DUPLICATE or CONFLICT) end
        set_mark(mark, text, ONCE_KEPT)
    end
    local used_at = time > 0 and time < now and time or nil
    for i = 1, named_count do
        local state = scopes[named[i]]
        if verb == RECORD then consume(state, asked, used_at, used_at) else give_back(state, asked, used_at) end
    end
    tally_all(verb == RECORD and tally_named or untally_named, used_at or now, texts_at(pages))
    if verb == RECORD then find_warnings() end
    return answer(OK)
end

-- When a reservation was made, by what it holds; nil where it holds nothing.
local function made_at(hold, ttl)
    for i = 1, named_count do
        local ends = end_of_hold(scopes[named[i]], hold)
        if ends then return ends - ttl end
    end
end

-- COMMIT and CANCEL. What was held is released where it still is; what was consumed is given back by a CANCEL. What was used
-- counts also where the COMMIT comes behind the CANCEL.
local function settle_reservation(verb, hold, hits, made, ends, mark, time, pages)
    local known = mark_of(mark)
    if known and not (verb == COMMIT and known == CANCELLED) then return answer(DUPLICATE) end
    -- From the reservation's end on, which is a day ahead at most, whatever a token says.
    set_mark(mark, verb == COMMIT and COMMITTED or CANCELLED, min(max(ends - now, 0), 86400000) + ONCE_KEPT)
    if made == UNKNOWN then
        made = made_at(hold, ends)
        if not made then return answer(OK) end
        ends = made + ends
    end
    for i = 1, named_count do
        local state = scopes[named[i]]
        release_hold(state, hold, now)
        if verb == COMMIT then
            consume(state, asked, time > 0 and time < now and time or nil, made)
        elseif hits > 0 then
            give_back_hits(state, hits, made)
            -- An earlier day has been told of already.
            if state.set.day and made >= state.set.day_starts then
                untally_named(state, REQUESTS, hits, scopes, named, named_count)
            end
        end
    end
    if verb == COMMIT then
        tally_all(tally_named, made, texts_at(pages))
        find_warnings()
    end
    return answer((known or ends <= now) and LATE or OK)
end
