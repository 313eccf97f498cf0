-- peek.lua: a batch of nothing but PEEKs, where Redis takes no writes. As batch.lua, but reservations that have ended stay where
-- they are, and alerts as they were.
-- @function no-writes
-- @include batch

return function(KEYS, ARGV) return batch(KEYS, ARGV, true) end
