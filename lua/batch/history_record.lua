-- history_record.lua: a record of history: the amounts of a day or month by meter, as totals and by label (labels.lua). It has a hash of
-- its own; that of the running day is part of the scope's hash.
--
-- A label in a record always has a field for requests, which may be 0. So that field alone shows whether a label is new. Labels past
-- labels.MAX of a dimension count as 'tool/other', in all meters alike. The label under which a label counts is its home.
--
-- Additions are buffered until they are written. A field that is not a number and a key that is not a hash stay unchanged: history is not
-- counted there, but nothing else fails.
-- @include lib/exact
-- @include batch/labels

local history_record = {}
local MAX, DIMENSIONS, IN_ALL = labels.MAX, labels.DIMENSIONS, labels.IN_ALL
local LARGEST, REQUESTS = exact.LARGEST, 1
local call, pcall, unpack, tonumber = redis.call, redis.pcall, unpack, tonumber
local min = math.min
local text_of, small_texts = exact.text, exact.small_texts

-- The fields that count the labels of a record with a hash of its own.
local VALUES = {}
for i = 1, #DIMENSIONS do VALUES[i] = 'values/' .. DIMENSIONS[i] end
local IN_ALL_FIELDS = {}
for _, fields in ipairs({ IN_ALL.field, IN_ALL.today }) do
    for i = 1, #fields do IN_ALL_FIELDS[fields[i]] = true end
end
-- The maximum number of fields in a command: Lua's stack is bounded.
local MAX_AT_ONCE = 1000

-- Creates a record. key: of the hash. is_today: whether the fields are those of the running day. values: the number of labels by dimension;
-- nil where the record has fields for it, 'values/tool', which are read when needed.
--   texts[field]         the stored text, false where there is none, nil where it has not been read
--   names, sums, pieces  the additions: the fields in order, and the sums by field, of which exact.add moves parts to pieces
--   homes                the homes of labels
function history_record.new(key, is_today, values)
    return {
        key = key, of = is_today and 'today' or 'field', values = values, texts = {}, names = {}, sums = {}, pieces = {},
        homes = {}, has_new_values = false, is_broken = false,
    }
end

-- Reads the fields that have not been read. A key that is not a hash is broken and reads as empty.
function history_record.read(self, fields)
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
        history_record.read(self, { field })
        text = self.texts[field]
    end
    return text
end

local function read_values(self)
    history_record.read(self, VALUES)
    self.values = {}
    for i = 1, #VALUES do self.values[i] = tonumber(self.texts[VALUES[i]] or 0) or 0 end
end

local function has_label(self, label)
    return self.homes[label] == label or text_at(self, label[self.of][REQUESTS]) ~= false
end

-- Returns the home of a label; nil for a new label that the record has room for.
local function present_home(self, label)
    if not label.other or has_label(self, label) then return label end
    if not self.values then read_values(self) end
    if self.values[label.dimension] >= MAX then return label.other end
end

local function add_to(self, field, amount)
    if not self.sums[field] then self.names[#self.names + 1] = field end
    exact.add(self.sums, self.pieces, field, amount)
end

-- Returns the home of a label, and adds a new label to the record.
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
function history_record.add(self, label, meter, amount)
    local home = label == IN_ALL and label or home_of(self, label)
    add_to(self, home[self.of][meter], amount)
end

-- Adds the amounts of the first `count` of the meters to a label, or IN_ALL. Amounts must not be negative.
function history_record.add_amounts(self, label, amounts, meters, count)
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

-- Returns the amount of a field, stored and added. Exact up to 2^53, and at least that beyond.
local function present(self, field)
    local sum, pieces = { 0, 0 }, self.pieces[field]
    exact.add_text(sum, text_at(self, field))
    for i = 1, pieces and #pieces or 0 do exact.add_number(sum, pieces[i]) end
    if self.sums[field] then exact.add_number(sum, self.sums[field]) end
    return exact.approximate(sum)
end

-- Returns the total of a meter, and the part of it that was added.
function history_record.in_all(self, meter)
    local field = IN_ALL[self.of][meter]
    return present(self, field), self.sums[field] or 0
end

-- Returns the amount of a label, or IN_ALL.
local function present_of(self, label, meter)
    local home = label == IN_ALL and label or self.homes[label] or present_home(self, label)
    return home and present(self, home[self.of][meter]) or 0
end

-- Returns how much of an amount can be taken back from a day: at most the total and the amount of each given label, so that none goes
-- below zero. Labels that are not given set no bound: a RECORD that named a provider may be taken back without it, as from the counters.
-- The day's total then shrinks, and the provider's amount stays. second: another record of the same day, or nil.
function history_record.takeable(self, second, meter, amount, given_labels)
    local takeable = amount
    for i = 0, #given_labels do
        local label = i == 0 and IN_ALL or given_labels[i]
        local fields = { label[self.of][meter], label[self.of][REQUESTS] }
        history_record.read(self, fields)
        local present_amount = present_of(self, label, meter)
        if second and present_amount < takeable then
            history_record.read(second, { label[second.of][meter], label[second.of][REQUESTS] })
            present_amount = present_amount + present_of(second, label, meter)
        end
        takeable = min(takeable, present_amount)
    end
    return takeable
end

-- Takes back an amount that is available: from the second record the part that the first does not have.
function history_record.take(self, second, label, meter, amount)
    local first = second and min(amount, present_of(self, label, meter)) or amount
    if first > 0 then history_record.add(self, label, meter, -first) end
    if amount > first then history_record.add(second, label, meter, first - amount) end
end

-- Adds the changed fields to an HSET. Fields that a number cannot represent exactly are returned, for history_record.increase.
-- note: called with the field, the new total and the change of each total.
function history_record.list(self, write, length, note)
    local in_all = IN_ALL_FIELDS
    local names, sums, texts, pieces, large = self.names, self.sums, self.texts, self.pieces, nil
    history_record.read(self, names)
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

-- Writes large fields with HINCRBY.
function history_record.increase(self, large, note)
    for i = 1, #large do
        local field = large[i]
        local pieces = self.pieces[field]
        for p = 1, pieces and #pieces or 0 do exact.increase(self.key, field, pieces[p]) end
        local total = exact.increase(self.key, field, self.sums[field])
        if note and IN_ALL_FIELDS[field] and type(total) == 'number' then note(field, total, self.sums[field]) end
    end
end

-- Writes a record with a hash of its own, including the fields that count its labels.
function history_record.write(self)
    local write = { 'HSET', self.key }
    local length, large = history_record.list(self, write, 2)
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
    if large then history_record.increase(self, large) end
end

return history_record
