import NetworkPolicy
import Testing

@Test func membersAreEqualInWhateverOrderTheyWereWritten() {
    let one: PolicyValue = ["a": 1, "b": ["x", true], "c": ["d": "e"]]
    let other: PolicyValue = ["c": ["d": "e"], "b": ["x", true], "a": 1]
    #expect(one == other)
}

@Test func theLaterOfTwoMembersCountsAndNilTakesAway() {
    var fields = PolicyFields([("a", 1), ("a", 2), ("b", 3)])
    #expect(fields["a"] == 2)
    fields["a"] = nil
    #expect(fields == PolicyFields([("b", 3)]))
    #expect(fields["z"] == nil)
}
