//! Integer vectors across given ones.

/// A basis of all integer vectors `m` of length `n` with `m · v = 0` for every row `v`; `None` if its numbers overflow.
///
/// Columns of the rows are combined by Euclid's algorithm until the rows are in echelon form, the unit matrix with
/// them. What combines to zero columns is a basis of the kernel, also over the integers, because each combination
/// is undone by another with integers (Cohen, *A Course in Computational Algebraic Number Theory*, 1993, section 2.4.3).
pub(super) fn integer_kernel(rows: &[Vec<i32>], n: usize) -> Option<Vec<Vec<i32>>> {
    let height = rows.len();
    let unit = |j: usize| (0..n).map(move |i| i64::from(i == j));
    let mut columns: Vec<Vec<i64>> =
        (0..n).map(|j| rows.iter().map(|row| i64::from(row[j])).chain(unit(j)).collect()).collect();
    let mut pivots = 0;
    for r in 0..height {
        loop {
            let least = (pivots..n).filter(|&j| columns[j][r] != 0).min_by_key(|&j| columns[j][r].abs());
            let Some(least) = least else { break };
            columns.swap(pivots, least);
            let (done, rest) = columns.split_at_mut(pivots + 1);
            let pivot = &done[pivots];
            for column in rest.iter_mut() {
                let factor = column[r].div_euclid(pivot[r]);
                for (x, &p) in column.iter_mut().zip(pivot) {
                    *x = x.checked_sub(factor.checked_mul(p)?)?;
                }
            }
            if rest.iter().all(|column| column[r] == 0) {
                pivots += 1;
                break;
            }
        }
    }
    let narrow = |column: &Vec<i64>| column[height..].iter().map(|&x| i32::try_from(x).ok()).collect();
    columns[pivots..].iter().map(narrow).collect()
}
