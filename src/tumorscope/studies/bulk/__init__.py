"""Analysis of thousands of cases: Ray Data distributes them over processes, Parquet files hold a row for each."""
