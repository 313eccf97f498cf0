-- peek.lua: a batch of nothing but PEEKs, where Redis takes no writes. As batch.lua, but reservations that have ended stay where they
-- are, a day that is over too, and alerts as they were.
-- @function no-writes
-- @include batch

return function(keys, argv) return batch(keys, argv, true) end
