-- page.lua: a page of history: amounts by meter, in all and by label (labels.lua). A day's or a month's has a hash of its own; the
-- running day's stands in the scope's hash.
--
-- Where a label is on a page its field of requests is there, maybe as 0: so it alone says whether a label is new. Labels past
-- labels.MAX of a dimension go to 'tool/other', in all meters alike. What a label's amounts go to is its home.
--
-- What is added is kept here until it is written. Nothing is written that is no number already, and nothing to a key that is no
-- hash: there history is not counted, and nothing else is kept from being.
-- @include lib/exact
-- @include batch/labels

local page = {}
local MAX, DIMENSIONS, IN_ALL = labels.MAX, labels.DIMENSIONS, labels.IN_ALL
local LARGEST, REQUESTS = exact.LARGEST, 1
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local min = math.min
local text_of, small_texts = exact.text, exact.small_texts

-- Fields that count the labels of a page that has a hash of its own.
local VALUES = {}
for i = 1, #DIMENSIONS do VALUES[i] = 'values/' .. DIMENSIONS[i] end
local IN_ALL_FIELDS = {}
for _, fields in ipairs({ IN_ALL.field, IN_ALL.today }) do
    for i = 1, #fields do IN_ALL_FIELDS[fields[i]] = true end
end
-- Fields in a command: Lua's stack is bounded.
local MAX_AT_ONCE = 1000

-- key: of the hash. is_today: whether the fields are those of the running day. values: by dimension, how many labels are there; nil
-- where the page has fields for that, 'values/tool', which are read when needed.
--   texts[field]  as it stands there, false where it does not, nil where that is not known yet
--   names, sums   what is added: fields in their order, sums by field, of which exact.add puts pieces aside
--   homes         by label
function page.new(key, is_today, values)
    return {
        key = key, of = is_today and 'today' or 'field', values = values, texts = {}, names = {}, sums = {}, pieces = {},
        homes = {}, has_new_values = false, is_broken = false,
    }
end

-- Reads fields that are not known yet. A page that is no hash is broken, and seems empty.
function page.read(self, fields)
    local texts, command = self.texts, nil
    for i = 1, #fields do
        if texts[fields[i]] == nil then
            command = command or { 'HMGET', self.key }
            command[#command + 1] = fields[i]
            texts[fields[i]] = false
        end
    end
    for first = 3, command and #command or 0, MAX_AT_ONCE do
        local last = min(first + MAX_AT_ONCE - 1, #command)
        local found = self.is_broken and {} or pcall('HMGET', self.key, unpack(command, first, last))
        if found.err then found, self.is_broken = {}, true end
        for i = first, last do texts[command[i]] = found[i - first + 1] or false end
    end
end

local function text_at(self, field)
    local text = self.texts[field]
    if text == nil then
        page.read(self, { field })
        text = self.texts[field]
    end
    return text
end

local function read_values(self)
    page.read(self, VALUES)
    self.values = {}
    for i = 1, #VALUES do self.values[i] = tonumber(self.texts[VALUES[i]] or 0) or 0 end
end

local function is_on(self, label)
    return self.homes[label] == label or text_at(self, label[self.of][REQUESTS]) ~= false
end

-- The home of a label; nil where the page has none of it and has room.
local function present_home(self, label)
    if not label.other or is_on(self, label) then return label end
    if not self.values then read_values(self) end
    if self.values[label.dimension] >= MAX then return label.other end
end

local function add_to(self, field, amount)
    if not self.sums[field] then self.names[#self.names + 1] = field end
    exact.add(self.sums, self.pieces, field, amount)
end

-- The home of a label of which something comes to the page.
local function home_of(self, label)
    local home = self.homes[label]
    if home then return home end
    home = present_home(self, label)
    if not home then
        home = label
        self.values[label.dimension] = self.values[label.dimension] + 1
        self.has_new_values = true
        add_to(self, label[self.of][REQUESTS], 0)
    end
    self.homes[label] = home
    return home
end

-- Adds an amount of a meter to a label, or IN_ALL.
function page.add(self, label, meter, amount)
    local home = label == IN_ALL and label or home_of(self, label)
    add_to(self, home[self.of][meter], amount)
end

-- Adds the amounts of so many of the meters to a label, or IN_ALL; none of them is below 0.
function page.add_amounts(self, label, amounts, meters, count)
    local home = label == IN_ALL and label or self.homes[label] or home_of(self, label)
    local fields, sums, names = home[self.of], self.sums, self.names
    for m = 1, count do
        local field, amount = fields[meters[m]], amounts[meters[m]]
        local sum = sums[field]
        if not sum then
            names[#names + 1], sums[field] = field, amount
        elseif sum + amount <= LARGEST then
            sums[field] = sum + amount
        else
            exact.add(sums, self.pieces, field, amount)
        end
    end
end

-- What there is of a field: stored, and added. Exact up to 2^53, and no less than that beyond.
local function present(self, field)
    local sum, pieces = { 0, 0 }, self.pieces[field]
    exact.add_text(sum, text_at(self, field))
    for i = 1, pieces and #pieces or 0 do exact.add_number(sum, pieces[i]) end
    if self.sums[field] then exact.add_number(sum, self.sums[field]) end
    return exact.approximate(sum)
end

-- What there is in all of a meter, and what was added to it.
function page.in_all(self, meter)
    local field = IN_ALL[self.of][meter]
    return present(self, field), self.sums[field] or 0
end

-- What there is of a label, or IN_ALL.
local function present_of(self, label, meter)
    local home = label == IN_ALL and label or self.homes[label] or present_home(self, label)
    return home and present(self, home[self.of][meter]) or 0
end

-- How much of an amount can be taken back from a day: no more than there is in all, and of each of the labels. Nothing goes below zero:
-- so what is not named is no bound. A RECORD that named a provider may be taken back without it, as it is from the counters: the day in
-- all is less then, and the provider's part stays. second: another part of the same day, or nil.
function page.takeable(self, second, meter, amount, of)
    local most = amount
    for i = 0, #of do
        local label = i == 0 and IN_ALL or of[i]
        local fields = { label[self.of][meter], label[self.of][REQUESTS] }
        page.read(self, fields)
        local there = present_of(self, label, meter)
        if second and there < most then
            page.read(second, { label[second.of][meter], label[second.of][REQUESTS] })
            there = there + present_of(second, label, meter)
        end
        most = min(most, there)
    end
    return most
end

-- Takes an amount back that is there: from the second part what the first does not have.
function page.take(self, second, label, meter, amount)
    local first = second and min(amount, present_of(self, label, meter)) or amount
    if first > 0 then page.add(self, label, meter, -first) end
    if amount > first then page.add(second, label, meter, first - amount) end
end

-- Adds to an HSET what has been added here. Fields that would not be exact as a number are left to HINCRBY: they are returned, for
-- page.increase. note: called with each field in all, its new total and the change.
function page.list(self, write, length, note)
    local in_all = IN_ALL_FIELDS
    local names, sums, texts, pieces, large = self.names, self.sums, self.texts, self.pieces, nil
    page.read(self, names)
    for i = 1, #names do
        local field = names[i]
        local delta, text, stored = sums[field], texts[field], 0
        if text then stored = tonumber(text) or LARGEST + 1 end
        local total = stored + delta
        if total > LARGEST or stored > LARGEST or pieces[field] then
            large = large or {}
            large[#large + 1] = field
        elseif delta ~= 0 or not text then
            write[length + 1], write[length + 2] = field, small_texts[total] or text_of(total)
            length = length + 2
            if note and in_all[field] then note(field, total, delta) end
        end
    end
    return length, large
end

function page.increase(self, large, note)
    for i = 1, #large do
        local field = large[i]
        local pieces = self.pieces[field]
        for p = 1, pieces and #pieces or 0 do exact.increase(self.key, field, pieces[p]) end
        local total = exact.increase(self.key, field, self.sums[field])
        if note and IN_ALL_FIELDS[field] and type(total) == 'number' then note(field, total, self.sums[field]) end
    end
end

-- Writes a page that has a hash of its own, in which labels are counted by fields.
function page.write(self)
    local write = { 'HSET', self.key }
    local length, large = page.list(self, write, 2)
    if self.is_broken then return end
    for i = 1, self.has_new_values and #DIMENSIONS or 0 do
        if self.values[i] > 0 then
            write[length + 1], write[length + 2] = VALUES[i], exact.text(self.values[i])
            length = length + 2
        end
    end
    for first = 3, length, MAX_AT_ONCE do
        call('HSET', self.key, unpack(write, first, min(first + MAX_AT_ONCE - 1, length)))
    end
    if large then page.increase(self, large) end
end

return page
