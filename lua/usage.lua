-- usage.lua: what one scope has used of each of its limits. Reads only.
--
-- KEYS[1]  the scope's hash
-- ARGV[1]  cmsgpack: clock, limit set      clock: 0 is Redis's own; tests pass Unix ms. Limit set: see window.lua.
-- Reply    cmsgpack { status, now, used, held, resets in ms, used, held, resets in ms, … }, by limit, in the set's order
--          status 1: read; 0: a calendar of the set does not hold now (nothing follows); 2: the key is not a hash
-- O(limits of the scope)

local clock, sent = cmsgpack.unpack(ARGV[1])
local now = clock_now(clock)
local set = prepare_set(sent, now)
if not set then return cmsgpack.pack({ 0, now }) end
local state = load_scope(KEYS[1], set, now)
if state.broken then return cmsgpack.pack({ 2, now }) end
if state.held then read_holds(state, now) end
local reply = { 1, now }
for j = 1, set.size do
    local held = held_against(state, j)
    local is_open = set.kind[j] == OPEN
    reply[#reply + 1] = is_open and held or exact.used(state, j)
    reply[#reply + 1] = is_open and 0 or held
    reply[#reply + 1] = resets_in(state, j, now)
end
return cmsgpack.pack(reply)
