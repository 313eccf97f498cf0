@testable import TollgateRedis

/// Small libraries of Redis functions, and the scripts that do the same.
enum TestLibrary {
    /// `'hello ' .. ARGV[1]`.
    static let greet = function("greet", "return 'hello ' .. arguments[1]", isReadOnly: true)

    /// A library of one function with that body, whose arguments are `keys` and `arguments`.
    static func function(_ name: String, _ body: String, isReadOnly: Bool = false) -> RedisFunction {
        let library = RedisLibrary(prefix: "test") { library in
            """
            #!lua name=\(library)
            redis.register_function({
                function_name = '\(library)_\(name)', flags = { \(isReadOnly ? "'no-writes'" : "") },
                callback = function(keys, arguments) \(body) end,
            })
            """
        }
        return RedisFunction(name, of: library, script: "local keys, arguments = KEYS, ARGV\n\(body)")
    }
}
