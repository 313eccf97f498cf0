import LuaScripts

/// Prints the library of Redis functions as Redis gets it, for luac, luacheck, and whoever looks for the line of an error message.
@main
struct LuaLibrary {
    static func main() {
        print(LuaScripts.library(named: "tollgate"), terminator: "")
    }
}
