import Testing

@testable import LuaScripts

@Suite("Lua modules")
struct LuaModulesTests {
    private static let numbers = LuaModules(sources: [
        "lib/one": "-- one\nreturn 1",
        "lib/two": "-- two\n-- @include lib/one\nreturn one + one",
        "add/up":
            "-- adds up\n-- @function no-writes\n-- @include lib/two lib/one\nreturn function() return one + two end",
        "unused": "-- @include nowhere\nreturn 0",
        "write": "-- @function\nreturn function() end",
    ])

    @Test("a module appears once, after those it includes, which are its locals")
    func order() throws {
        #expect(
            try Self.numbers.script("add/up") == """
                -- lib/one.lua
                local lib_one = (function()
                -- one
                return 1
                end)()
                -- lib/two.lua
                local lib_two = (function()
                local one = lib_one
                -- two
                -- @include lib/one
                return one + one
                end)()
                -- add/up.lua
                local add_up = (function()
                local two = lib_two
                local one = lib_one
                -- adds up
                -- @function no-writes
                -- @include lib/two lib/one
                return function() return one + two end
                end)()
                return add_up(KEYS, ARGV)

                """)
    }

    @Test("a library contains the entry points and the modules they need")
    func library() throws {
        #expect(Self.numbers.entries == ["add/up", "write"])
        let text = try Self.numbers.library(named: "numbers")
        #expect(text.hasPrefix("#!lua name=numbers\n"))
        #expect(text.hasSuffix("register('add_up', { 'no-writes' })\nregister('write', {})\n"))
        #expect(text.contains("return { add_up = add_up, write = write }"))
        #expect(!text.contains("unused"))
    }

    @Test("only the comments at the head of a file include modules")
    func headOnly() throws {
        let modules = LuaModules(sources: ["a": "-- @function\n\n-- @include b\nreturn function() end"])
        #expect(try !modules.script("a").contains("local b"))
    }

    @Test("a missing module, a cycle, and two modules with one name are rejected")
    func refusals() {
        let modules = LuaModules(sources: [
            "missing": "-- @include lib/none\n", "a": "-- @include b\n", "b": "-- @include c\n", "c": "-- @include b\n",
            "self": "-- @include self\n", "x/m": "", "y/m": "", "twice": "-- @include x/m\n-- @include y/m\n",
        ])
        let expected: [(String, LuaModuleError, String)] = [
            (
                "missing", .missing("lib/none", includedBy: "missing"),
                "lua/missing.lua includes lib/none, but there is no lua/lib/none.lua"
            ),
            ("none", .missing("none", includedBy: nil), "there is no lua/none.lua"),
            ("a", .cycle(["b", "c", "b"]), "Lua modules include each other: b → c → b"),
            ("self", .cycle(["self", "self"]), "Lua modules include each other: self → self"),
            ("twice", .sameName("m", in: "twice"), "lua/twice.lua includes two modules that are called m"),
        ]
        for (path, error, sentence) in expected {
            #expect(throws: error) { try modules.script(path) }
            #expect(error.description == sentence)
        }
    }

    @Test("the files in lua/ form one library")
    func files() {
        let names = LuaScripts.functionNames
        for name in [
            "batch", "peek", "usage", "policy_lookup", "policy_run_marker", "alerts_remove_published", "delivery_lease",
        ] {
            #expect(names.contains(name))
        }
        let library = LuaScripts.library(named: "tollgate_1")
        #expect(library.contains("register('usage', { 'no-writes' })\n"))
        #expect(library.contains("register('batch', {})\n"))
        #expect(LuaScripts.script("policy/lookup").hasSuffix("return policy_lookup(KEYS, ARGV)\n"))
    }
}
