-- peek.lua: applies a batch that consists of PEEKs only, where Redis rejects writes. Works like batch.lua, but does not remove ended
-- reservations, move a finished day, or change alerts.
-- @function no-writes
-- @include batch

return function(keys, argv) return batch(keys, argv, true) end
