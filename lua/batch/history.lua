-- history.lua: what the operation at hand adds to the history of its scopes, and what it takes back: in all, and by the labels of the
-- other scopes. It goes to the running day, or to the day that a time lies in where that is over.
-- @include lib/exact
-- @include batch/current
-- @include batch/days
-- @include batch/labels
-- @include batch/page
-- @include batch/scope
-- @include batch/today

local history = {}
local IN_ALL, DENIED = labels.IN_ALL, labels.DENIED
local gmatch, find, gsub, max = string.gmatch, string.find, string.gsub, math.max

local function add(state, to, meter, amount)
    page.add(to, IN_ALL, meter, amount)
    local scopes, named = current.scopes, current.named
    for i = 1, current.count do
        local other = scopes[named[i]]
        if other.label and other ~= state then page.add(to, other.label, meter, amount) end
    end
end

local function add_all(state, to, amounts, meters, count)
    local add_amounts, scopes, named = page.add_amounts, current.scopes, current.named
    add_amounts(to, IN_ALL, amounts, meters, count)
    for i = 1, current.count do
        local other = scopes[named[i]]
        if other.label and other ~= state then add_amounts(to, other.label, amounts, meters, count) end
    end
end

-- second: another part of the same day, or nil.
local function take_back(state, from, second, meter, amount)
    local scopes, named, of = current.scopes, current.named, {}
    for i = 1, current.count do
        local other = scopes[named[i]]
        if other.label and other ~= state then of[#of + 1] = other.label end
    end
    local taken = page.takeable(from, second, meter, amount, of)
    if taken <= 0 then return end
    page.take(from, second, IN_ALL, meter, taken)
    for i = 1, #of do page.take(from, second, of[i], meter, taken) end
end

-- The parts of the running day.
local function running_parts(state)
    local day = today.day(state)
    return today.settle_checks(state), day.has_page and days.page_of(state, day) or nil
end

-- Counts requests in the running day of the scopes.
function history.add_requests(hits)
    for i = 1, current.count do
        local state = current.scopes[current.named[i]]
        if state.history then add(state, today.page(state), 1, hits) end
    end
end

local meters = {} -- reused

-- Counts the amounts asked for, or takes them back, in the day that a time (Unix ms) lies in. pages: the text that names the days of the
-- scopes, in their order, where one of them may be an earlier one.
function history.add_amounts(takes_back, time, pages)
    local asked, next_pages, count = current.asked, pages and gmatch(pages, '[^;]+'), 0
    for meter = 1, 5 do
        if asked[meter] and asked[meter] > 0 then
            count = count + 1
            meters[count] = meter
        end
    end
    for i = 1, current.count do
        local state = current.scopes[current.named[i]]
        local its_pages = next_pages and next_pages()
        local kept = state.history
        if kept then
            local earlier = its_pages and time < kept.starts and days.earlier(state, its_pages, today.id(state))
            if takes_back then
                local from, second = earlier, nil
                if not from then from, second = running_parts(state) end
                for m = 1, count do take_back(state, from, second, meters[m], asked[meters[m]]) end
            elseif count > 0 then
                add_all(state, earlier or today.page(state), asked, meters, count)
            end
        end
    end
end

-- Takes back requests of one scope from its running day.
function history.take_back_requests(state, hits)
    if not state.history or hits == 0 then return end
    local running, second = running_parts(state)
    take_back(state, running, second, 1, hits)
end

-- The text of a scope between plus signs, single ones, as those within ids are double.
local function plussed(state) return '+' .. gsub(scope.text(state), '%+%+', '\0') .. '+' end

-- Counts denied requests for the scopes that have refused them, by their places. user:alice+tool:search keeps no history: they count for
-- user:alice and tool:search.
function history.add_denied(refusing)
    local scopes, named, counts = current.scopes, current.named, {}
    local hits = max(current.asked[1] or 1, 1)
    for _, place in ipairs(refusing) do
        local joined = not scopes[place].history and plussed(scopes[place])
        for i = 1, current.count do
            local part = named[i]
            counts[part] = counts[part] or part == place or joined and find(joined, plussed(scopes[part]), 1, true)
        end
    end
    for i = 1, current.count do
        local state = scopes[named[i]]
        if counts[named[i]] and state.history then add(state, today.page(state), DENIED, hits) end
    end
end

return history
