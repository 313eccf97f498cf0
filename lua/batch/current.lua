-- current.lua: the state of the current call, shared by the modules of the batch. batch.lua sets every field at the start of a call.
--
--   now      Redis's time in Unix ms
--   prefix   the length of a key before the scope's text, in bytes: 9 for 'tollgate:user:alice'
--   keys     KEYS
--   scopes   the scopes' states (scope.lua), in the order of their keys
-- Of the current operation:
--   asked    its amounts, by meter
--   named    the indices of its scopes in `scopes`
--   count    the number of its scopes

return { now = 0, prefix = 0, keys = {}, scopes = {}, asked = {}, named = {}, count = 0 }
