import LuaScripts
package import TollgateRedis

extension RedisLibrary {
    /// The library of all functions that Tollgate has in Redis (`lua/`).
    package static let tollgate = RedisLibrary(prefix: "tollgate") { LuaScripts.library(named: $0) }
}

extension RedisFunction {
    /// The function of an entry point in `lua/`, by its path without `.lua`.
    package init(_ path: String) {
        self.init(LuaScripts.functionName(path), of: .tollgate, script: LuaScripts.script(path))
    }
}
