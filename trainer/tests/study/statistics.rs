//! Scores, intervals, significance, and random grades.

use rand::RngExt;
use trainer::study::Analysis;

use crate::fixture::{key, rater};
use crate::people::people;

#[test]
fn opinions_by_hand() {
    let key = key(&["bad", "original"], 2);
    let ratings = [
        // The same version twice: its score is (1 + 2) / 2 = 1.5.
        rater(
            &key,
            "a",
            &[
                ("bad-0", 1),
                ("original-0", 5),
                ("bad-1", 2),
                ("original-1", 4),
                ("bad-0", 2),
            ],
        ),
        // A rater who stopped early.
        rater(&key, "b", &[("bad-1", 3), ("original-0", 4)]),
    ];
    let analysis = Analysis::new(&key, &ratings, 500, 1);
    let [bad, original] = &analysis.opinions[..] else {
        panic!("two methods and one set: {:?}", analysis.opinions)
    };
    assert_eq!(bad.grades, [1, 2, 1, 0, 0]);
    assert_eq!(original.grades, [0, 0, 0, 2, 1]);
    let close = |found: Option<f64>, expected: f64| {
        assert!(
            (found.unwrap() - expected).abs() < 1e-12,
            "{found:?}, not {expected}"
        );
    };
    close(bad.mos, (1.5 + 2.0 + 3.0) / 3.0);
    close(original.mos, (5.0 + 4.0 + 4.0) / 3.0);
    let (low, high) = bad.interval.unwrap();
    assert!(
        (1.5..2.0).contains(&low) && (2.5..=3.0).contains(&high),
        "{low} to {high}"
    );
    assert_eq!(analysis.repeats.count, 1);
    assert_eq!((analysis.repeats.same, analysis.repeats.within_one), (0, 1));
    // a: (1.5 − 5 + 2 − 4) / 2 = −2.75; b never graded both versions of an image.
    let comparison = &analysis.comparisons[0];
    assert_eq!((comparison.raters, comparison.p), (1, 1.0));
    close(comparison.difference, -2.75);
    assert!(analysis.raters.iter().all(|rater| rater.random_p.is_none()));
}

#[test]
fn intervals_contain_the_true_mean_in_95_percent() {
    let key = key(&["a"], 14);
    let mut people = people(5);
    let truth = people.true_mos(3.3);
    let studies = 300;
    let held = (0..studies).filter(|study| {
        let ratings = people.grade(&key, &[3.3], 15, 0);
        let analysis = Analysis::new(&key, &ratings, 400, *study);
        let (low, high) = analysis.opinions[0].interval.unwrap();
        (low..=high).contains(&truth)
    });
    let share = held.count() as f64 / studies as f64;
    println!(
        "{:.1} % of the intervals contain the true mean",
        100.0 * share
    );
    assert!((0.91..0.99).contains(&share), "{share} instead of 0.95");
}

#[test]
fn random_raters_are_named_and_others_are_not() {
    let methods = ["bicubic", "srresnet", "srgan", "original"];
    let key = key(&methods, 10);
    let mut people = people(6);
    let (mut named, mut wronged, mut honest) = (0, 0, 0);
    for study in 0..40 {
        let mut ratings = people.grade(&key, &[1.5, 2.8, 3.4, 4.5], 6, 4);
        // One rater gives random grades, another one always the same.
        for answer in &mut ratings[0].answers {
            answer.grade = people.random.random_range(1..=5);
        }
        for answer in &mut ratings[1].answers {
            answer.grade = 3;
        }
        let analysis = Analysis::new(&key, &ratings, 1, study);
        named += usize::from(analysis.raters[0].random);
        assert!(
            analysis.raters[1].random,
            "a rater with constant grades is named"
        );
        honest += ratings.len() - 2;
        wronged += analysis.raters[2..]
            .iter()
            .filter(|rater| rater.random)
            .count();
    }
    println!("{named} of 40 random raters named, {wronged} of {honest} others");
    // On average one in twenty is not named.
    assert!(named >= 35, "{named} of 40");
    assert_eq!(wronged, 0, "of {honest}");
}

#[test]
fn real_differences_are_significant() {
    let key = key(&["a", "b", "c"], 12);
    let mut people = people(7);
    let studies = 60;
    let (mut found, mut invented) = (0, 0);
    for study in 0..studies {
        let ratings = people.grade(&key, &[2.5, 2.5, 3.2], 12, 0);
        let analysis = Analysis::new(&key, &ratings, 1, study);
        let pairs = analysis.comparisons.iter().map(|pair| (&*pair.a, &*pair.b));
        assert_eq!(
            pairs.collect::<Vec<_>>(),
            [("a", "b"), ("a", "c"), ("b", "c")]
        );
        let [same, better, _] = &analysis.comparisons[..] else {
            panic!("three pairs")
        };
        assert!(better.difference.unwrap() < 0.0);
        found += usize::from(better.p_holm < 0.05);
        invented += usize::from(same.p_holm < 0.05);
    }
    println!("{found} of {studies} differences found, {invented} invented");
    assert!(
        found >= 57 && invented <= 6,
        "{found} found, {invented} invented"
    );
}
