import Foundation
import Testing
import TollgateAdmin

@testable import tollgate

@Suite("Text output of admin commands")
struct AdminTextTests {
    private func json(_ text: String) throws -> JSONValue {
        try JSONDecoder().decode(JSONValue.self, from: Data(text.utf8))
    }

    @Test("numbers are printed exactly")
    func numbers() throws {
        #expect(try json("9007199254740993").text == "9007199254740993")
        #expect(try json("16.6").text == "16.6")
        #expect(try json("8999999.123456789").text == "8999999.123456789")
        #expect(try json("\"0.10\"").text == "0.10")
        #expect(try json(#"{"b":[1,null,true,0.1],"a":"x/y"}"#).json == #"{"a":"x/y","b":[1,null,true,0.1]}"#)
    }

    @Test("tiers are a table with fitted columns")
    func tiers() throws {
        let answer = try json(
            """
            {"items":[
              {"id":"basic","limits":{"cost":{"month":"100"}},"origin":"file","version":null},
              {"id":"premium","name":"Premium","limits":{"requests":{"1m":{"max":60,"mode":"shadow"}},"cost":{"month":null},"concurrent":5},
               "timezone":"America/New_York","reset_hour":6,"billing_day":15,"origin":"admin","version":7}]}
            """)
        #expect(
            AdminText.tiers(answer) == """
                tier     name     limits                                                    calendar                      origin  version
                basic    -        cost/month=100                                            -                             file    -
                premium  Premium  concurrent=5 cost/month=unlimited requests/1m=60(shadow)  America/New_York 6:00 day 15  admin   7
                """)
        #expect(AdminText.tiers(try json(#"{"items":[]}"#)) == "no tiers")
    }

    @Test("a disabled tier is marked, and descriptions follow the table")
    func describedTiers() throws {
        let gold =
            #"{"id":"gold","description":"For sponsors","enabled":false,"limits":{},"origin":"admin","version":7}"#
        let lines = AdminText.tiers(try json(#"{"items":[\#(gold)]}"#)).split(separator: "\n")
        #expect(lines[1].hasPrefix("gold (disabled)  "), "\(lines)")
        #expect(lines.last == "gold: For sponsors")
        #expect(AdminText.tier(try json(gold)) == "gold (disabled): no limits (version 7)")
    }

    @Test("wide characters take two columns, marks none, and invisible characters are shown")
    func widths() throws {
        var table = Table(["a", "b"])
        table.add(["東京", "x"])
        table.add(["e\u{301}", "x"])
        table.add(["\u{202e}\u{2028}", "x"])
        #expect(table.text == "a     b\n東京  x\ne\u{301}     x\n??    x")
    }

    @Test("a change is one line with its version")
    func changes() throws {
        #expect(
            AdminText.tier(try json(#"{"id":"a","limits":{"cost":{"month":"500"}},"version":7}"#))
                == "a: cost/month=500 (version 7)")
        #expect(
            AdminText.assignment(try json(#"{"id":"role:F","tier":"a","priority":200,"enabled":true,"version":8}"#))
                == "role:F: a, priority 200 (version 8)")
        #expect(
            AdminText.assignment(try json(#"{"id":"default","tier":"a","priority":-1,"enabled":false,"version":9}"#))
                == "default: a, priority -1, not enabled (version 9)")
        let override =
            #"{"limits":{"requests":{"1m":100}},"add":{"cost/month":"50"},"expires_at":"2026-11-22T10:00:00Z","reason":"deadline"}"#
        #expect(
            AdminText.override(try json(override), of: "user:alice")
                == "user:alice: requests/1m=100 cost/month+50 until 2026-11-22T10:00:00Z: deadline")
        #expect(
            AdminText.reset(try json(#"{"scope":"user:a","limits":["requests/1m","cost/month"]}"#))
                == "user:a: reset requests/1m cost/month")
        #expect(AdminText.reset(try json(#"{"scope":"user:a","limits":[]}"#)) == "user:a: nothing to reset")
    }

    @Test("limits are shown with their origin, and amounts right-aligned")
    func limits() throws {
        let answer = try json(
            """
            {"scope":"tool:a","limits":null,"effective":[
              {"limit":"requests/1m","max":5,"mode":"enforce","source":"scope","origin":"admin"},
              {"limit":"cost/month","max":"1000.5","mode":"shadow","source":"defaults","origin":"file"},
              {"limit":"cost/total","max":null,"mode":"enforce","source":"override","origin":"admin"}]}
            """)
        #expect(
            AdminText.effectiveLimits(answer) == """
                limit              max  mode     source    origin
                requests/1m          5  enforce  scope     admin
                cost/month      1000.5  shadow   defaults  file
                cost/total   unlimited  enforce  override  admin
                """)
        #expect(AdminText.effectiveLimits(try json(#"{"scope":"tool:a","effective":[]}"#)) == "tool:a: no limits")
    }

    @Test("a user is shown with tier, reason, alternatives, calendar, override and usage")
    func user() throws {
        let answer = try json(
            """
            {"user":"alice","scope":"user:alice",
             "tier":{"id":"premium","name":"Premium","origin":"admin","via":"role:Faculty","priority":200},
             "candidates":[{"id":"role:Faculty","tier":"premium","priority":200,"origin":"admin"},
                           {"id":"default","tier":"basic","priority":100,"origin":"file"}],
             "skipped":[{"id":"role:Staff","tier":"trial","priority":200,"origin":"admin","reason":"tier_disabled"}],
             "limits":[{"limit":"cost/month","max":"550","used":"12.5","held":"0","remaining":"537.5","percent":2.2,
                        "resets_at":"2026-12-15T05:00:00Z","mode":"enforce","source":"override","origin":"admin"}],
             "override":{"add":{"cost/month":"50"},"expires_at":"2026-11-22T10:00:00Z","reason":"dead\\u001bline"},
             "calendar":{"timezone":"America/New_York","reset_hour":6,"billing_day":15}}
            """)
        #expect(
            AdminText.user(answer) == """
                user      alice
                tier      premium (Premium) via role:Faculty, priority 200
                not       basic via default, priority 100
                skipped   trial via role:Staff: the tier is disabled
                calendar  America/New_York, days from 6:00, months from day 15
                override  cost/month+50 until 2026-11-22T10:00:00Z: dead?line

                limit       used  held  max  remaining    %  resets UTC   source
                cost/month  12.5     0  550      537.5  2.2  12-15 05:00  override
                """)
        let nobody = try json(
            #"{"user":"bob","tier":null,"candidates":[],"limits":[],"override":null,"calendar":{"timezone":"UTC","reset_hour":0,"billing_day":1}}"#
        )
        #expect(
            AdminText.user(nobody) == """
                user      bob
                tier      none
                calendar  UTC, days from 0:00, months from day 1

                no limits
                """)
    }

    @Test("a problem is printed with its detail and fields, a 412 with advice, and other bodies as they are")
    func problems() throws {
        let address = try AdminAddress(parsing: "127.0.0.1:7380")
        func lines(_ status: UInt, _ body: String) -> [String] {
            AdminFailure(
                AdminReply(status: status, etag: nil, body: Data(body.utf8)), from: address,
                token: AdminClientToken(text: "secret", source: "the file other/admin-token")
            ).lines
        }
        #expect(
            lines(
                422,
                #"{"title":"Invalid","detail":"2 fields are wrong","errors":[{"field":"tier","message":"no such tier"},{"field":"","message":"x"}]}"#
            )
                == ["2 fields are wrong", "tier: no such tier", "x"])
        #expect(
            lines(
                422,
                #"{"title":"Invalid","detail":"tier: no such tier","errors":[{"field":"tier","message":"no such tier"}]}"#
            )
                == ["tier: no such tier"])
        #expect(lines(403, #"{"title":"Forbidden"}"#) == ["Forbidden"])
        #expect(
            lines(412, #"{"title":"Precondition failed","detail":"a has another version"}"#)
                == ["a has another version", "it has been changed meanwhile: read it again, then retry"])
        #expect(
            lines(302, "") == [
                "http://127.0.0.1:7380 replied with status 302; is this Tollgate's admin API? "
                    + "It listens on 127.0.0.1:7380 by default"
            ])
        #expect(
            lines(404, "<html>") == [
                "http://127.0.0.1:7380 replied with status 404; is this Tollgate's admin API? "
                    + "It listens on 127.0.0.1:7380 by default"
            ])
    }
}
