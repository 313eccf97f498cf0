-- alerts.lua: which thresholds of a scope's limits have been reached, and which of its refusals are told. Comes behind
-- batch.lua, whose locals it uses; apply.lua calls it when all operations have been applied.
--
-- The scope's hash has a field alerts, items of two kinds, with a semicolon between them:
--   cost/day 2026-11-20/1795219200000 80:20000000000:1795190000000 95:20000000000:-1795200000000
--       what has been opened for a limit in a period (id/end; - where the limit has no calendar): percent, max, and since
--       when (Unix ms), below zero where it does not hold any more. The highest percent of a max stands for lower ones
--       too: they are not opened after it, nor again in this period.
--   +cost/day 2026-11-20/1795219200000 80 20000000000 16100000000 1795190000000
--   -cost/day 95 1795200000000 refunded 1795203000000
--       what has not been published yet: an alert opened (limit, period, percent, max, used, when), or resolved (limit,
--       percent, when it was opened, why, when). Every batch that meets such items names them in its reply; whoever has
--       published them takes them out (alert_settle.lua).
-- A refusal that was told leaves 'period time' in requests/1m.e.
--
-- Nothing here fails a batch: what cannot be written is looked at again the next time.

-- In a block of its own: a chunk may have 200 locals.
local review_alerts, put_notices
do
    local EVENT_EVERY = 60000
    -- The scope's hash outlives its counters by this while something of it has not been published.
    local PENDING_KEPT = 7 * 86400000
    -- What is remembered of one limit, and waits to be published.
    local MOST_ITEMS, MOST_PENDING = 32, 100

    -- The period that a limit's counter belongs to, in one word.
    local function period_of(state, j)
        local set = state.set
        if set.kind[j] ~= CALENDAR then return '-' end
        return (gsub(state.markers and state.markers[j] or set.stored[j], ' ', '/'))
    end

    -- Reading and writing the field -----------------------------------------------------------------------------------

    local function parse_items(text)
        local items = {}
        for percent, most, at in gmatch(text, '(%d+):(%d+):(%-?%d+)') do
            items[#items + 1] = { percent = tonumber(percent), max = tonumber(most), at = tonumber(at) }
        end
        return items
    end

    -- { limits, by name: { period, items }; names, in order; pending, lines }
    local function parse_alerts(text)
        local book = { limits = {}, names = {}, pending = {} }
        for line in gmatch(text or '', '[^;]+') do
            if find(line, '^[+-]') then
                table.insert(book.pending, line)
            else
                local name, period, items = match(line, '^(%S+) (%S+) (.*)$')
                if name and not book.limits[name] then
                    table.insert(book.names, name)
                    book.limits[name] = { period = period, items = parse_items(items) }
                end
            end
        end
        return book
    end

    local function alerts_text(book)
        local lines = {}
        for _, name in ipairs(book.names) do
            local entry, items = book.limits[name], {}
            for i, item in ipairs(entry.items) do items[i] = format('%d:%d:%d', item.percent, item.max, item.at) end
            if #items > 0 then lines[#lines + 1] = name .. ' ' .. entry.period .. ' ' .. table.concat(items, ' ') end
        end
        for _, line in ipairs(book.pending) do lines[#lines + 1] = line end
        return table.concat(lines, ';')
    end

    local function add_pending(book, line)
        table.insert(book.pending, line)
        if #book.pending > MOST_PENDING then table.remove(book.pending, 1) end
        book.is_new = true
    end

    -- Opening and resolving -------------------------------------------------------------------------------------------

    local function resolve(book, name, item, reason)
        if item.at < 0 then return end
        add_pending(book, format('-%s %d %d %s %d', name, item.percent, item.at, reason, now))
        item.at = -item.at
    end

    local function resolve_all(book, name, reason)
        for _, item in ipairs(book.limits[name].items) do resolve(book, name, item, reason) end
    end

    -- How much a percentage of a limit is: as it was sent, or where the policy has it no more about that.
    local function amount_at(thresholds, percent, most)
        for i = 1, #thresholds, 2 do
            if thresholds[i] == percent then return thresholds[i + 1] end
        end
        return ceil(most / 100 * percent)
    end

    -- What was opened for the limit as it was before holds on where it still does; that it was told of the earlier max too is
    -- remembered apart.
    local function review_items(state, j, book, name)
        local set, used = state.set, state.used[j]
        local most, thresholds = set.max[j], set.thresholds[j]
        local items = book.limits[name].items
        for i = 1, #items do
            local item = items[i]
            local holds = thresholds and used >= amount_at(thresholds, item.percent, most)
            if item.max == most and thresholds then
                if not holds then resolve(book, name, item, set.kind[j] == SLIDING and 'period_ended' or 'refunded') end
            elseif not holds then
                resolve(book, name, item, 'limit_raised')
            elseif item.at > 0 then
                items[#items + 1] = { percent = item.percent, max = item.max, at = -item.at }
                item.max = most
            end
        end
    end

    -- A sliding limit has no periods of its own: at most one alert a window and threshold.
    local function is_rearmed(state, j, items)
        if state.rings and state.rings[j] == '' then return true end
        local latest = 0
        for _, item in ipairs(items) do
            if item.at > 0 then return false end
            latest = max(latest, -item.at)
        end
        return now - latest >= state.set.width[j] * RING
    end

    local function forget_oldest_resolved(items)
        for i = 1, #items do
            if items[i].at < 0 then
                table.remove(items, i)
                return true
            end
        end
        return false
    end

    -- The highest percentage that a limit has reached; nil where it has reached none.
    local function highest_reached(state, j)
        local thresholds, used = state.set.thresholds[j], state.used[j]
        for i = #thresholds - 1, 1, -2 do
            if used >= thresholds[i + 1] then return thresholds[i] end
        end
    end

    local function open_if_reached(state, j, book, name)
        local reached = highest_reached(state, j)
        if not reached then return end
        local most, period = state.set.max[j], period_of(state, j)
        local entry = book.limits[name]
        if not entry then
            entry = { period = period, items = {} }
            book.limits[name] = entry
            table.insert(book.names, name)
        end
        for _, item in ipairs(entry.items) do
            if item.max == most and item.percent >= reached then return end
        end
        table.insert(entry.items, { percent = reached, max = most, at = now })
        add_pending(book, format('+%s %s %d %d %d %d', name, period, reached, most, state.used[j], now))
    end

    local function forget_limit(book, name)
        book.limits[name] = nil
        for i, other in ipairs(book.names) do
            if other == name then
                table.remove(book.names, i)
                return
            end
        end
    end

    local function review_limit(state, j, book)
        local set = state.set
        local name = set.name[j]
        local entry = book.limits[name]
        if entry then
            if entry.period ~= period_of(state, j) then
                resolve_all(book, name, entry.period == 'reset' and 'reset' or 'period_ended')
                forget_limit(book, name)
            else
                review_items(state, j, book, name)
                if set.kind[j] == SLIDING and is_rearmed(state, j, entry.items) then
                    resolve_all(book, name, 'period_ended')
                    forget_limit(book, name)
                end
            end
        end
        if set.thresholds[j] then open_if_reached(state, j, book, name) end
        entry = book.limits[name]
        while entry and #entry.items > MOST_ITEMS and forget_oldest_resolved(entry.items) do end
    end

    -- Limits that this set does not have, as those of another tier, stay as they are until their period is over.
    local function end_periods(state, book)
        local is_in_set = {}
        for j = 1, state.set.size do is_in_set[state.set.name[j]] = true end
        for _, name in ipairs({ unpack(book.names) }) do
            local ends = tonumber(match(book.limits[name].period, '/(%d+)$'))
            if not is_in_set[name] and ends and ends <= now then
                resolve_all(book, name, 'period_ended')
                forget_limit(book, name)
            end
        end
    end

    -- Whether any limit of a scope for which nothing is open has reached a threshold.
    local function has_reached_any(state)
        local warn, used = state.set.warn, state.used
        for j = 1, state.set.size do
            if warn[j] >= 0 and used[j] >= warn[j] then return true end
        end
        return false
    end

    -- Leaves in state.pending the lines that have not been published.
    function review_alerts(state)
        if not state.set.warns or not (state.alerts or has_reached_any(state)) then return end
        local book = parse_alerts(state.alerts)
        for j = 1, state.set.size do
            if state.set.counter[j] then review_limit(state, j, book) end
        end
        end_periods(state, book)
        local text = alerts_text(book)
        if text ~= (state.alerts or '') then
            local reply
            if text == '' then
                reply = pcall('HDEL', state.key, 'alerts')
            else
                reply = pcall('HSET', state.key, 'alerts', text)
            end
            if type(reply) == 'table' and reply.err then return end
            if book.is_new then pcall('PEXPIREAT', state.key, format('%d', now + PENDING_KEPT), 'GT') end
        end
        state.pending = table.concat(book.pending, ';')
    end

    -- Refusals --------------------------------------------------------------------------------------------------------

    -- Whether a limit has not told of a refusal in this period, or not for long enough.
    local function is_to_be_told(state, j)
        local stored = pcall('HGET', state.key, state.set.name[j] .. '.e')
        local period, at = match(type(stored) == 'string' and stored or '', '^(%S+) (%d+)$')
        at = tonumber(at)
        return not at or period ~= period_of(state, j) or at > now or now - at >= EVENT_EVERY
    end

    -- Returns whether the refusal is told by this batch.
    local function write_refusal(state, j)
        local existed = call('EXISTS', state.key) == 1
        local text = format('%s %d', period_of(state, j), now)
        local reply = pcall('HSET', state.key, state.set.name[j] .. '.e', text)
        if type(reply) == 'table' and reply.err then return false end
        if not existed then pcall('PEXPIREAT', state.key, format('%d', now + EVENT_EVERY)) end
        return true
    end

    -- What the reply tells besides answers: refusals, and alerts that have not been published.
    function put_notices()
        for _, refusal in ipairs(refusals) do
            local place, j, used, places = unpack(refusal)
            if is_to_be_told(scopes[place], j) and write_refusal(scopes[place], j) then
                put(1)
                put(place)
                put(j)
                put(used)
                put(#places)
                for i = 1, #places do put(places[i]) end
            end
        end
        for i = 1, #scopes do
            local pending = scopes[i].pending
            if pending and pending ~= '' then
                put(2)
                put(i)
                put(pending)
            end
        end
    end
end
