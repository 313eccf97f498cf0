/// The texts that Redis runs, made of the Lua files beside this one. The contract of each entry point is its header comment.
package enum LuaScripts {
    private static let modules = LuaModules(files: embeddedTexts)

    /// The names of all functions, in order: `policy_lookup` for `policy/lookup.lua`.
    public static let functionNames = modules.entries.map(LuaModules.functionName)

    /// The library of all functions; `name` is the name of the library, and stands in front of those of its functions.
    public static func library(named name: String) -> String {
        made { () throws(LuaModuleError) in try modules.library(named: name) }
    }

    /// A script that does what the entry point of that path does, such as `policy/lookup`.
    public static func script(_ path: String) -> String {
        made { () throws(LuaModuleError) in try modules.script(path) }
    }

    /// The name of the function of the entry point of that path.
    public static func functionName(_ path: String) -> String { LuaModules.functionName(path) }

    /// What the files say of each other is the same in every build: it is wrong at once, or never.
    private static func made(_ body: () throws(LuaModuleError) -> String) -> String {
        do throws(LuaModuleError) {
            return try body()
        } catch {
            fatalError("\(error)")
        }
    }
}
