import Foundation

/// Functions of Redis, which the tests can be run without: then the sidecar has to do everything by EVALSHA.
extension TestRedis {
    /// Whether TOLLGATE_TEST_WITHOUT_FUNCTIONS=1 asks for servers that deny everybody functions.
    package static let deniesFunctions = ProcessInfo.processInfo.environment["TOLLGATE_TEST_WITHOUT_FUNCTIONS"] == "1"

    /// The command by which the sidecar runs Lua, as Redis counts it.
    package static let luaCommand = deniesFunctions ? "evalsha" : "fcall"

    func denyFunctions() throws {
        try cli("ACL", "SETUSER", "default", "-fcall", "-function")
    }

    /// Makes Redis forget what has been loaded.
    package func forgetFunctions() throws {
        try cli(["SCRIPT", "FLUSH"])
        try cli(["FUNCTION", "FLUSH"])
    }
}
