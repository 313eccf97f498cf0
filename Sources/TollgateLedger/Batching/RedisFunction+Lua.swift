import LuaScripts
package import TollgateRedis

extension RedisLibrary {
    /// The library of all functions that Tollgate loads into Redis (`lua/`).
    package static let tollgate = RedisLibrary(prefix: "tollgate") { LuaScripts.library(named: $0) }
}

extension RedisFunction {
    /// Creates the function of an entry point in `lua/`.
    ///
    /// - Parameter path: The entry point's path, without `.lua`.
    package init(_ path: String) {
        self.init(LuaScripts.functionName(path), of: .tollgate, script: LuaScripts.script(path))
    }
}
